"""Finished messages: copy for each eligible customer, with filled slots and the time of sending in UTC.

`contexts` selects the customers and facts; `copy` has the wordings.
"""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import narwhals as nw
import numpy as np
import polars as pl

from cis_assets.catalog.gold import NOTIFICATIONS
from cis_assets.errors import OperatorError
from cis_assets.notifications.policy import NotificationPolicy
from cis_assets.notifications.product_names import shorten_product_names
from cis_assets.notifications.slots import filled, piece_columns, slot_names

_KEY = ["as_of_date", "context_key"]
_SHORTEST_PRODUCT_NAME = 8


class MessageError(OperatorError):
    """Contexts and copy do not match; no message of the slice is written."""


def notifications(
    contexts: nw.LazyFrame | pl.LazyFrame | pl.DataFrame,
    copy: nw.LazyFrame | pl.LazyFrame | pl.DataFrame,
    *,
    seed: int,
    policy: NotificationPolicy,
) -> pl.DataFrame:
    """One message per row of `contexts`, with the columns of gold/notifications, by as_of_date and customer_id.

    `contexts` and `copy` are slices of gold/notification_contexts and gold/notification_copy, of one or several days.
    The customer, the send date and `seed` determine the variant. If the filled variant exceeds the policy's length,
    the next variant is used. If no variant fits, the shortest is used with a shorter product name.

    Raises MessageError if a context has no copy, if no variant can fit, or if a time zone is unknown.
    """
    eligible = _collect(contexts).sort("as_of_date", "customer_id")
    variants = _number_variants(_collect(copy))
    _refuse_missing_copy(eligible, variants)
    if eligible.is_empty():
        return NOTIFICATIONS.empty()
    eligible = _add_send_at(eligible.with_columns(draw=_draw(eligible, seed)))
    written = NOTIFICATIONS.conform(_write(eligible, variants, policy).lazy()).collect()
    return written.sort("as_of_date", "customer_id")


def _collect(frame: nw.LazyFrame | pl.LazyFrame | pl.DataFrame) -> pl.DataFrame:
    return nw.from_native(frame).lazy().collect(backend="polars").to_native()


def _number_variants(copy: pl.DataFrame) -> pl.DataFrame:
    """The copy with its texts in pieces; `number` counts the variants of a context from 0."""
    ordered = copy.sort(*_KEY, "variant").select(*_KEY, "copy_id", "title", "body", "generator")
    texts = ordered.select(pl.concat_str("title", "body")).to_series()
    return ordered.with_columns(
        pl.int_range(pl.len()).over(_KEY).alias("number"),
        pl.len().over(_KEY).cast(pl.Int64).alias("variant_count"),
        pl.col("body").str.len_chars().rank("ordinal").over(_KEY).alias("shortness"),
        pl.Series("mentions_offer", ["offer" in slot_names(text) for text in texts], pl.Boolean),
        *piece_columns(ordered["title"].to_list(), "title"),
        *piece_columns(ordered["body"].to_list(), "body"),
    ).drop("title", "body")


def _refuse_missing_copy(eligible: pl.DataFrame, variants: pl.DataFrame) -> None:
    missing = eligible.select(_KEY).unique().join(variants, on=_KEY, how="anti").sort(_KEY)
    if not missing.is_empty():
        day, key = missing.row(0)
        raise MessageError(
            f"gold/notification_copy lacks {missing.height} of the contexts, for example {key} on {day}; "
            "materialize notification_copy again."
        )


def _draw(eligible: pl.DataFrame, seed: int) -> pl.Series:
    """A pseudorandom number per message, a hash (SplitMix64) of customer, send date and seed."""
    customers = eligible["customer_id"].to_numpy().astype(np.uint64)
    days = eligible["send_date"].to_physical().to_numpy().astype(np.uint64)
    mixed = _mix(customers ^ _mix(days ^ _mix(np.full(len(days), seed, dtype=np.uint64))))
    return pl.Series("draw", (mixed >> np.uint64(1)).astype(np.int64))


def _mix(numbers: np.ndarray) -> np.ndarray:
    """The finalizer of SplitMix64 on unsigned 64-bit integers, which wrap around."""
    numbers = numbers + np.uint64(0x9E3779B97F4A7C15)
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def _write(eligible: pl.DataFrame, variants: pl.DataFrame, policy: NotificationPolicy) -> pl.DataFrame:
    """Each message with the first variant that fits, starting from its draw. Most fit in the first round."""
    counts = variants.select(*_KEY, "variant_count").unique()
    waiting = eligible.join(counts, on=_KEY)
    variants = variants.drop("variant_count")
    done: list[pl.DataFrame] = []
    for turn in range(max(counts["variant_count"])):
        chosen = waiting.with_columns(number=(pl.col("draw") + turn) % pl.col("variant_count"))
        tried = _fill(chosen.join(variants, on=[*_KEY, "number"]))
        fits = pl.col("body").str.len_chars() <= policy.message_max_length
        done.append(tried.filter(fits))
        waiting = waiting.join(tried.filter(~fits), on=["as_of_date", "customer_id"], how="semi")
        if waiting.is_empty():
            return pl.concat(done)
    shortest = variants.filter(pl.col("shortness") == 1)
    return pl.concat([*done, _fill(_shorten_to_fit(waiting.join(shortest, on=_KEY), policy))])


def _fill(rows: pl.DataFrame) -> pl.DataFrame:
    values = {
        "product": pl.col("product_name"),
        "weekday": pl.col("weekday"),
        "daypart": pl.col("daypart"),
        # Contexts of a former version only have a percentage on the product.
        "offer": pl.coalesce("offer_words", pl.concat_str(pl.col("percent_off").cast(pl.String), pl.lit("% off"))),
    }
    texts = rows.select(
        "as_of_date",
        "customer_id",
        "send_at",
        filled("title", rows.columns, values).alias("title"),
        filled("body", rows.columns, values).alias("body"),
        "product_id",
        pl.when("mentions_offer").then("offer_id").alias("offer_id"),
        "segment_id",
        "copy_id",
        "generator",
    )
    unfilled = texts.filter(pl.col("title").is_null() | pl.col("body").is_null())
    if not unfilled.is_empty():
        raise MessageError(f"The copy {unfilled['copy_id'][0]} has a slot without a value in its context.")
    return texts


def _shorten_to_fit(rows: pl.DataFrame, policy: NotificationPolicy) -> pl.DataFrame:
    """Shorten product names to the room that the rest of the body leaves."""
    without_name = _fill(rows.with_columns(product_name=pl.lit("")))["body"].str.len_chars().cast(pl.Int64)
    roomy = rows.with_columns(room=policy.message_max_length - without_name)
    shortened = []
    for (room,), group in roomy.group_by("room", maintain_order=True):
        if room < _SHORTEST_PRODUCT_NAME:
            raise MessageError(
                f"The copy {group['copy_id'][0]} leaves no room for a product name within "
                f"{policy.message_max_length} characters; materialize notification_copy again with the current settings."
            )
        shortened.append(shorten_product_names(nw.from_native(group), room).to_native())
    return pl.concat(shortened)


def _add_send_at(eligible: pl.DataFrame) -> pl.DataFrame:
    """Add the time of sending. Distinct hours and zones are few, so each is converted once."""
    keys = ["send_date", "send_hour", "time_zone"]
    distinct = eligible.select(keys).unique(maintain_order=True)
    times = [_convert_to_utc(*row) for row in distinct.rows()]
    known = distinct.with_columns(pl.Series("send_at", times, dtype=pl.Datetime("us", "UTC")))
    return eligible.join(known, on=keys, how="left")


def _convert_to_utc(day: date, hour: int, time_zone: str) -> datetime:
    """The local hour in UTC: the first of two if clocks are set back, the end of the gap if they skip the hour."""
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise MessageError(f"The notification contexts have an unknown time zone {time_zone!r}.") from None
    return datetime.combine(day, time(hour), tzinfo=zone).astimezone(UTC)
