"""Verdicts on order dates: for each date and check, the measure, whether it passed, and why it quarantines the date.

A check that blocks gives the date a `fault`: the reason why gold leaves the date out. Other checks only warn. Offenders
are named by file and line, or by key and rule. Their values are not shown, because Dagster keeps what it shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from cis_assets.catalog import quality, silver
from cis_assets.quality.integrity import orphaned_lines, rule_breakers
from cis_assets.quality.reconciliation import DatedTables, reconciliation
from cis_assets.quality.volume import DAYS_BEFORE, LEAST_DAYS, LEAST_SAME_WEEKDAYS, usual_orders
from cis_assets.settings import Settings

LANDED, TYPED, REJECTED, VOLUME, REFERENCES, RULES = (
    "landed_rows_are_accounted_for",
    "bronze_rows_are_accounted_for",
    "few_rows_are_rejected",
    "volume_is_usual_for_the_weekday",
    "lines_refer_to_orders_and_products",
    "stored_rows_keep_the_rules",
)
CHECKS: Mapping[str, str] = {
    LANDED: "Rows of the landing files = rows of bronze + rows that did not parse + rows of erased customers. Blocks.",
    TYPED: "Rows of bronze = valid rows of silver + returned rows + rejected rows + duplicate rows. Blocks.",
    REJECTED: "Share of landed rows that did not parse or broke a rule: the larger share of orders and lines. Warns above "
    "CIS_REJECTED_SHARE_WARN, blocks above CIS_REJECTED_SHARE_BLOCK.",
    VOLUME: "Number of orders against the interval that the eight weeks before make usual for the weekday. Warns outside "
    "of it. Quiet data do so at the rate CIS_VOLUME_FALSE_ALARM_RATE.",
    REFERENCES: "Every line in silver belongs to an order of its date and to a known product. Blocks.",
    RULES: "Rows stored in silver keep the rules of the catalog, and no two share a key. Blocks.",
}
OFFENDERS_SHOWN = 10
_OFFENCE = {"order_date": pl.Date(), "where": pl.String(), "what": pl.String()}


@dataclass(frozen=True)
class QualityPolicy:
    """The shares of rejected rows that warn and that block, and how often the volume check may warn of quiet data."""

    rejected_share_warn: float
    rejected_share_block: float
    volume_false_alarm_rate: float

    @classmethod
    def from_settings(cls, settings: Settings) -> QualityPolicy:
        return cls(settings.rejected_share_warn, settings.rejected_share_block, settings.volume_false_alarm_rate)


@dataclass(frozen=True)
class Verdicts:
    """`rows` of quality/date_checks, and the first `offenders` by date of each check that found some.

    Offenders have order_date, where (file and line, or key) and what (the rule). If a check quarantines dates, only their
    offenders are shown.
    """

    rows: pl.DataFrame
    offenders: Mapping[str, pl.DataFrame]

    @classmethod
    def merge(cls, verdicts: Iterable[Verdicts]) -> Verdicts:
        """Merge the verdicts of several ranges of dates."""
        verdicts = list(verdicts)
        rows = pl.concat([each.rows for each in verdicts])
        offenders = {
            check: pl.concat(found).filter(pl.col("order_date").is_in(_days_in_question(rows, check)))
            for check in CHECKS
            if (found := [each.offenders[check] for each in verdicts if check in each.offenders])
        }
        return cls(rows, {check: found.head(OFFENDERS_SHOWN) for check, found in offenders.items()})


def judge(
    tables: DatedTables,
    products: pl.LazyFrame,
    orders_per_day: pl.DataFrame,
    days: Sequence[date],
    policy: QualityPolicy,
) -> Verdicts:
    """Judge each of `days` by its tables.

    `products` is silver/products. `orders_per_day` has order_date and rows: the number of orders in silver for these
    days and for each earlier date that was read, zero included.
    """
    counts = reconciliation(tables, days)
    orphaned = orphaned_lines(tables.silver["order_items"], tables.silver["orders"], products)
    breaking = pl.concat(
        [
            rule_breakers(silver.ORDERS, tables.silver["orders"]),
            rule_breakers(silver.ORDER_ITEMS, tables.silver["order_items"]),
            rule_breakers(silver.RETURNED_ITEMS, tables.returned),
        ]
    )
    orphaned_rows, breaking_rows, off_balance = pl.collect_all(
        [orphaned, breaking, _files_out_of_balance(tables)], engine="streaming"
    )
    rows = pl.concat(
        [
            _landed(counts, off_balance),
            _typed(counts),
            _rejected(counts, policy),
            _volume(orders_per_day.rename({"rows": "orders"}), days, policy),
            _none(REFERENCES, orphaned_rows, days, "lines without their order or product"),
            _none(RULES, breaking_rows, days, "rows break a rule or share a key"),
        ]
    ).sort("order_date", "check")
    find: dict[str, Callable[[], pl.LazyFrame]] = {
        LANDED: off_balance.sort("where").lazy,
        REJECTED: lambda: _unparsed_and_rejected_rows(tables),
        REFERENCES: orphaned_rows.sort("where", "what").lazy,
        RULES: breaking_rows.sort("where", "what").lazy,
    }
    in_question = {check: _days_in_question(rows, check) for check in find}
    return Verdicts(rows, {check: _first(find[check](), at) for check, at in in_question.items() if at})


def _days_in_question(rows: pl.DataFrame, check: str) -> list[date]:
    """The dates that a check quarantines or, if there are none, the dates on which it failed."""
    failed = rows.filter(pl.col("check") == check, ~pl.col("passed"))
    held = failed.filter(pl.col("fault").is_not_null())
    return (held if held.height else failed)["order_date"].to_list()


def _first(offenders: pl.LazyFrame, days: list[date]) -> pl.DataFrame:
    found = offenders.filter(pl.col("order_date").is_in(days)).select(
        pl.col(name).cast(t) for name, t in _OFFENCE.items()
    )
    return found.sort("order_date", maintain_order=True).head(OFFENDERS_SHOWN).collect()


def _landed(counts: pl.DataFrame, off_balance: pl.DataFrame) -> pl.DataFrame:
    """Compare file by file, so that a row lost from one file cannot hide behind an extra row of another."""
    words = pl.format("{}: {} landed, {} typed + {} not parsed", "source_table", "landed", "typed", "unparsed")
    erased = pl.format(" + {} of erased customers", "erased")
    return _balanced(
        LANDED,
        counts.join(
            off_balance.group_by("order_date", "source_table").agg(pl.col("off").sum()),
            on=["order_date", "source_table"],
            how="left",
        ),
        off=pl.col("off").fill_null(0),
        words=pl.when(pl.col("erased") > 0).then(words + erased).otherwise(words),
    )


def _typed(counts: pl.DataFrame) -> pl.DataFrame:
    words = pl.format(
        "{}: {} typed, {} valid + {} returned + {} rejected + {} duplicates",
        *("source_table", "typed", "valid", "returned", "rejected", "duplicates"),
    )
    off = pl.col("typed") - pl.sum_horizontal("valid", "returned", "rejected", "duplicates")
    return _balanced(TYPED, counts, off=off, words=words)


def _balanced(check: str, counts: pl.DataFrame, *, off: pl.Expr, words: pl.Expr) -> pl.DataFrame:
    judged = (
        counts.with_columns(off=off.abs(), words=words)
        .group_by("order_date", maintain_order=True)
        .agg(off=pl.col("off").sum(), words=pl.col("words").str.join("; "))
    )
    return _verdicts(
        check, judged, passed=pl.col("off") == 0, blocks=pl.col("off") != 0, measured=pl.col("off"), words=pl.col("words")
    )  # fmt: skip


def _rejected(counts: pl.DataFrame, policy: QualityPolicy) -> pl.DataFrame:
    """Judge by the larger share of the two tables: rejected orders would not show among the many lines of a date."""
    rejected = pl.col("unparsed") + pl.col("rejected")
    judged = (
        counts.with_columns(
            share=(rejected / pl.col("landed")).fill_nan(0.0),
            words=pl.format("{} of {} {}", rejected, "landed", "source_table"),
        )
        .group_by("order_date", maintain_order=True)
        .agg(share=pl.col("share").max(), words=pl.col("words").str.join(" and "))
    )
    percent = (pl.col("share") * 100).round(1)
    words = pl.format("{} were rejected, up to {}%", "words", percent)
    too_many = pl.col("share") > policy.rejected_share_block
    return _verdicts(
        REJECTED,
        judged,
        passed=pl.col("share") <= policy.rejected_share_warn,
        blocks=too_many,
        measured=pl.col("share"),
        words=pl.when(too_many).then(pl.format("{}: more than CIS_REJECTED_SHARE_BLOCK", words)).otherwise(words),
    )


def _volume(orders_per_day: pl.DataFrame, days: Sequence[date], policy: QualityPolicy) -> pl.DataFrame:
    usual = usual_orders(
        dict(orders_per_day.select("order_date", "orders").iter_rows()), days, policy.volume_false_alarm_rate
    )
    compared = usual.join(orders_per_day, on="order_date", how="left", maintain_order="left").with_columns(
        pl.col("orders").fill_null(0)
    )
    too_few = pl.format(
        f"{{}} orders; not judged, because {{}} earlier days of the {DAYS_BEFORE} before were read and "
        f"{LEAST_DAYS} are needed, {LEAST_SAME_WEEKDAYS} of them on this weekday",
        "orders",
        "days_before",
    )
    words = pl.format("{} orders; {} to {} are usual for this weekday", "orders", "low", "high")
    return _verdicts(
        VOLUME,
        compared,
        passed=pl.col("orders").is_between("low", "high").fill_null(True),
        blocks=pl.lit(False),
        # Rounded, because the last digits of the fit depend on the number of dates that are fitted at once.
        measured=(pl.col("orders") / pl.col("usual")).round(4),
        words=pl.coalesce(words, too_few),
    )


def _none(check: str, offenders: pl.DataFrame, days: Sequence[date], what: str) -> pl.DataFrame:
    """Verdicts of a check that blocks a date with any offender."""
    dates = pl.DataFrame({"order_date": days}, schema={"order_date": pl.Date})
    counts = dates.join(offenders.group_by("order_date").len("rows"), on="order_date", how="left")
    return _verdicts(
        check,
        counts.with_columns(pl.col("rows").fill_null(0)),
        passed=pl.col("rows") == 0,
        blocks=pl.col("rows") > 0,
        measured=pl.col("rows"),
        words=pl.format(f"{{}} {what}", "rows"),
    )


def _verdicts(
    check: str,
    judged: pl.DataFrame,
    *,
    passed: pl.Expr,
    blocks: pl.Expr,
    measured: pl.Expr,
    words: pl.Expr,
) -> pl.DataFrame:
    rows = judged.lazy().select(
        "order_date",
        check=pl.lit(check),
        passed=passed,
        measured=measured.cast(pl.Float64),
        detail=words,
        fault=pl.when(blocks).then(pl.format(f"The check {check} failed: {{}}.", words)),
    )
    return quality.DATE_CHECKS.conform(rows).collect()


def _files_out_of_balance(tables: DatedTables) -> pl.LazyFrame:
    """Landing files with rows lost or added: order_date, source_table, where, what, and the number of rows (`off`)."""
    key = ["order_date", "source_table", "source_file"]
    typed = [rows.with_columns(source_table=pl.lit(name)).select(key) for name, rows in tables.bronze.items()]
    found = pl.concat([*typed, tables.bronze_rejected.select(key)])
    counted = found.group_by(key).agg(found=pl.len().cast(pl.Int64))
    landed = tables.landed_files.join(counted, on=key, how="full", coalesce=True).with_columns(
        pl.col("found", "row_count", "erased_row_count").fill_null(0)
    )
    off = pl.col("row_count") - pl.col("found") - pl.col("erased_row_count")
    return landed.filter(off != 0).select(
        "order_date",
        "source_table",
        off=off.abs(),
        where=pl.col("source_file"),
        what=pl.format("{} rows landed, {} found", "row_count", "found"),
    )


def _unparsed_and_rejected_rows(tables: DatedTables) -> pl.LazyFrame:
    """Rows that did not parse, by file and line, then rows that broke a rule of silver, by key."""
    # The text after the first colon of a reason may be a value of the row, so it is not shown.
    rule = pl.col("reason").str.replace(r"(?s): .*$", "")
    return pl.concat(
        [
            tables.bronze_rejected.sort("source_file", "source_line").select(
                "order_date", where=pl.format("{} line {}", "source_file", "source_line"), what=rule
            ),
            tables.silver_rejected.sort("source_table", "source_key").select(
                "order_date", where=pl.format("{} {}", "source_table", "source_key"), what=rule
            ),
        ]
    )
