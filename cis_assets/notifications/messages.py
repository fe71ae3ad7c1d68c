"""Finished messages: a version of the words for each addressed customer, slots filled, with the moment of sending.

Belongs here: the choice among versions, filling, the length limit of what was filled, and local time to UTC. Does not
belong here: who is addressed and about what (`contexts`), and the words themselves (`copy`).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import narwhals as nw
import numpy as np
import polars as pl

from cis_assets.catalog.gold import NOTIFICATIONS
from cis_assets.errors import OperatorError
from cis_assets.notifications.policy import NotificationPolicy
from cis_assets.notifications.product_names import shorten_product_names
from cis_assets.notifications.slots import filled, offer_words, piece_columns, slot_names

_KEY = ["as_of_date", "context_key"]
_SHORTEST_PRODUCT_NAME = 8


class MessageError(OperatorError):
    """Contexts and copy do not fit together; no message of the slice is written."""


def notifications(
    contexts: nw.LazyFrame | pl.LazyFrame | pl.DataFrame,
    copy: nw.LazyFrame | pl.LazyFrame | pl.DataFrame,
    *,
    seed: int,
    policy: NotificationPolicy,
) -> pl.DataFrame:
    """One message per row of `contexts`, with the columns of gold/notifications, by day and customer.

    `contexts` and `copy` are slices of gold/notification_contexts and gold/notification_copy, of one day or of
    several. Which version a customer gets follows from the customer, the send date and `seed` alone. A version that
    would be longer than the policy allows gives way to the next one; where none fits, the shortest is sent with a
    shorter product name. Raises MessageError if a context has no copy, if its words cannot fit, or if a time zone is
    unknown.
    """
    addressed = _polars(contexts).sort("as_of_date", "customer_id")
    versions = _versions(_polars(copy))
    _refuse_missing_copy(addressed, versions)
    if addressed.is_empty():
        return NOTIFICATIONS.empty()
    addressed = _with_send_at(addressed.with_columns(draw=_draw(addressed, seed)))
    return (
        NOTIFICATIONS.conform(_written(addressed, versions, policy).lazy()).collect().sort("as_of_date", "customer_id")
    )


def _polars(frame: nw.LazyFrame | pl.LazyFrame | pl.DataFrame) -> pl.DataFrame:
    return nw.from_native(frame).lazy().collect(backend="polars").to_native()


def _versions(copy: pl.DataFrame) -> pl.DataFrame:
    """The copy with the texts in pieces, each version numbered from 0 within its context."""
    ordered = copy.sort(*_KEY, "variant").select(*_KEY, "copy_id", "title", "body", "generator")
    return ordered.with_columns(
        pl.int_range(pl.len()).over(_KEY).alias("version"),
        pl.len().over(_KEY).cast(pl.Int64).alias("version_count"),
        pl.col("body").str.len_chars().rank("ordinal").over(_KEY).alias("shortness"),
        pl.Series(
            "mentions_offer", [_mentions_offer(*row) for row in ordered.select("title", "body").rows()], pl.Boolean
        ),
        *piece_columns(ordered["title"].to_list(), "title"),
        *piece_columns(ordered["body"].to_list(), "body"),
    ).drop("title", "body")


def _mentions_offer(title: str, body: str) -> bool:
    return "offer" in slot_names(title + body)


def _refuse_missing_copy(addressed: pl.DataFrame, versions: pl.DataFrame) -> None:
    missing = addressed.select(_KEY).unique().join(versions, on=_KEY, how="anti").sort(_KEY)
    if not missing.is_empty():
        day, key = missing.row(0)
        raise MessageError(
            f"There is no copy for {missing.height} of the contexts, the first being {key} as of {day}; write the copy again."
        )


def _draw(addressed: pl.DataFrame, seed: int) -> pl.Series:
    """A number per message that looks random but follows from customer, send date and seed (SplitMix64)."""
    customers = addressed["customer_id"].to_numpy().astype(np.uint64)
    days = addressed["send_date"].to_physical().to_numpy().astype(np.uint64)
    mixed = _mix(customers ^ _mix(days ^ _mix(np.full(len(days), seed, dtype=np.uint64))))
    return pl.Series("draw", (mixed >> np.uint64(1)).astype(np.int64))


def _mix(numbers: np.ndarray) -> np.ndarray:
    """The finalizer of SplitMix64 on unsigned 64-bit integers, which wrap around."""
    numbers = numbers + np.uint64(0x9E3779B97F4A7C15)
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def _written(addressed: pl.DataFrame, versions: pl.DataFrame, policy: NotificationPolicy) -> pl.DataFrame:
    """Every message with the first version from its draw on that fits; nearly all fit in the first round."""
    counts = versions.select(*_KEY, "version_count").unique()
    waiting = addressed.join(counts, on=_KEY)
    done: list[pl.DataFrame] = []
    for number in range(max(counts["version_count"])):
        turn = waiting.with_columns(version=(pl.col("draw") + number) % pl.col("version_count"))
        tried = _filled(turn.join(versions.drop("version_count"), on=[*_KEY, "version"]))
        fits = pl.col("body").str.len_chars() <= policy.message_max_length
        done.append(tried.filter(fits))
        waiting = waiting.join(tried.filter(~fits), on=["as_of_date", "customer_id"], how="semi")
        if waiting.is_empty():
            return pl.concat(done)
    shortest = versions.filter(pl.col("shortness") == 1).drop("version_count")
    return pl.concat([*done, _filled(_with_room(waiting.join(shortest, on=_KEY), policy))])


def _filled(rows: pl.DataFrame) -> pl.DataFrame:
    values = {
        "product": pl.col("product_name"),
        "weekday": pl.col("weekday"),
        "daypart": pl.col("daypart"),
        "offer": offer_words(pl.col("percent_off")),
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
        raise MessageError(f"The copy {unfilled['copy_id'][0]} has a slot that its context has no value for.")
    return texts


def _with_room(rows: pl.DataFrame, policy: NotificationPolicy) -> pl.DataFrame:
    """Shorten product names to what the words leave room for."""
    without_name = _filled(rows.with_columns(product_name=pl.lit("")))["body"].str.len_chars().cast(pl.Int64)
    roomy = rows.with_columns(room=policy.message_max_length - without_name)
    parts = []
    for (room,), part in roomy.group_by("room", maintain_order=True):
        if room < _SHORTEST_PRODUCT_NAME:
            raise MessageError(
                f"The copy {part['copy_id'][0]} leaves no room for a product name within "
                f"{policy.message_max_length} characters; write the copy again under the present policy."
            )
        parts.append(shorten_product_names(nw.from_native(part), room).to_native())
    return pl.concat(parts)


def _with_send_at(addressed: pl.DataFrame) -> pl.DataFrame:
    """Each message's moment of sending; there are few different hours and zones, so each is worked out once."""
    keys = ["send_date", "send_hour", "time_zone"]
    distinct = addressed.select(keys).unique(maintain_order=True)
    moments = [_moment(*row) for row in distinct.rows()]
    known = distinct.with_columns(pl.Series("send_at", moments, dtype=pl.Datetime("us", "UTC")))
    return addressed.join(known, on=keys, how="left")


def _moment(day: date, hour: int, time_zone: str) -> datetime:
    """The local hour in UTC: the first of two where clocks go back, the end of the gap where they skip it."""
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise MessageError(f"The notification contexts name the time zone {time_zone!r}, which is not known.") from None
    return datetime.combine(day, time(hour), tzinfo=zone).astimezone(UTC)
