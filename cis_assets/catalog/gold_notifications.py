"""Gold tables of notifications: contexts, copy and finished messages."""

import dataframely as dy

from cis_assets.catalog.snapshot_schema import SEGMENT, Snapshot, snapshot


class NotificationContexts(Snapshot):
    """Facts for each eligible customer's message: product, occasion, tone, time and offer."""

    customer_id = dy.Int64(description="Customer who gets the message.")
    context_key = dy.String(
        description="Context that the copy is written for: department|occasion|daypart|tone|offer. The last is plain (none), offer (percent off the product), or scope, kind and condition."
    )
    segment_id = dy.Int32(description=SEGMENT)
    segment_name = dy.String(description="Name of the segment.")
    product_id = dy.Int64(description="Product of the favourite family, which the message names.")
    product_name = dy.String(description="Name of the product, shortened to fit a notification.")
    department = dy.String(description="Department of the product.")
    occasion = dy.String(description="Occasion of the message: restock, usual_day or win_back.")
    tone = dy.String(description="Tone of the message: warm, brisk, inviting or gentle.")
    send_date = dy.Date(description="Day on which the message is sent: the day after the snapshot.")
    weekday = dy.String(description="Weekday of the send date, in English.")
    daypart = dy.String(description="morning, afternoon or evening of the customer's day.")
    send_hour = dy.Int32(min=0, max=23, description="Hour of the customer's day at which the message is sent.")
    time_zone = dy.String(description="IANA time zone of the customer.")
    recency_days = dy.Int32(description="Days since the last order.")
    order_count = dy.Int32(description="Orders in the window.")
    product_recency_days = dy.Int32(description="Days since a product of its family was last bought.")
    product_orders = dy.Int32(description="Orders of the window with a product of its family.")
    usual_gap_days = dy.Float64(nullable=True, description="Median days between the customer's orders.")
    offer_id = dy.Int64(
        nullable=True, description="Offer that the customer hears of, live on the send date; null: none."
    )
    percent_off = dy.Int32(nullable=True, description="Discount of that offer in whole percent.")
    offer_kind = dy.String(nullable=True, description="Kind of that offer: percent, amount or coupon.")
    offer_scope = dy.String(nullable=True, description="What that offer is on: product, department or order.")
    amount_off = dy.Float64(nullable=True, description="Discount of that offer in the shop's currency.")
    minimum_spend = dy.Float64(nullable=True, description="Spend from which that offer counts.")
    offer_words = dy.String(
        nullable=True, description="That offer as the message says it, with scope, condition and code."
    )


class NotificationCopy(Snapshot):
    """Copy for each distinct context, with named slots in place of facts."""

    copy_id = dy.String(description="Fingerprint of context, variant and copy.")
    context_key = dy.String(description="Context of the copy.")
    variant = dy.Int32(min=1, description="Number of the variant, from 1.")
    title = dy.String(description="Title with slots.")
    body = dy.String(description="Body with slots.")
    generator = dy.String(description="Writer of the copy: template or openai.")
    model = dy.String(nullable=True, description="Model that wrote the copy; null for the template writer.")
    prompt_version = dy.String(description="Version of the prompt, or of the phrases of the template writer.")
    attempts = dy.Int32(min=0, description="Number of answers requested from the model.")
    verdict = dy.String(description="Verdict: accepted, or why the last answer of the model was not used.")


class Notifications(Snapshot):
    """Finished messages, each with its facts."""

    customer_id = dy.Int64(description="Customer who gets the message.")
    send_at = dy.Datetime(time_unit="us", time_zone="UTC", description="Time of sending, UTC.")
    title = dy.String(description="Title, slots filled.")
    body = dy.String(description="Body, slots filled.")
    product_id = dy.Int64(description="Product that the message names.")
    offer_id = dy.Int64(nullable=True, description="Offer that the message mentions; null: none.")
    segment_id = dy.Int32(description=SEGMENT)
    copy_id = dy.String(description="Copy in gold/notification_copy.")
    generator = dy.String(description="Writer of the copy: template or openai.")


NOTIFICATION_CONTEXTS = snapshot(
    "notification_contexts", NotificationContexts, "eligible customer, as of a day", ("customer_id",)
)
NOTIFICATION_COPY = snapshot(
    "notification_copy", NotificationCopy, "distinct context x variant, as of a day", ("context_key", "variant")
)
NOTIFICATIONS = snapshot("notifications", Notifications, "message", ("customer_id",))
