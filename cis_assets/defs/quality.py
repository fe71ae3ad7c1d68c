"""Data quality per order date: verdicts on bronze and silver, before gold is made, and a check of whole runs.

Every verdict is stored as a row, and the asset checks show the verdicts of the last run. A verdict with a `fault`
quarantines its date: gold tables leave the date out and keep the rows they had. Other dates go on. A further check finds
out whether a date of the run is quarantined.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cache

import dagster as dg
import polars as pl

from cis_assets.catalog import ORDER_DATE, TABLES, bronze, gold, quality, silver
from cis_assets.dates import DateRange
from cis_assets.defs.partitions import chunks_of, days_of, ordered_in
from cis_assets.defs.resources import LakeResource
from cis_assets.defs.tables import asset_key, held_by, table_asset, table_in
from cis_assets.lake.quarantine import QuarantinedDatesError, describe_reasons
from cis_assets.quality import verdicts as verdicts_domain
from cis_assets.quality.reconciliation import DatedTables
from cis_assets.quality.verdicts import CHECKS, QualityPolicy, Verdicts
from cis_assets.quality.volume import DAYS_BEFORE
from cis_assets.settings import Settings

_DAYS_SHOWN = 20
EVERY_DATE = "every_date_went_through"
_HOLDERS = (bronze.LANDED_FILES, quality.DATE_CHECKS)
# The check runs with any of these tables, after all of them. Other tables are left out, because Dagster records each check
# for each date of a run.
_DATED = (bronze.LANDED_FILES, silver.ORDERS, quality.DATE_CHECKS, gold.CUSTOMER_FEATURES, gold.CUSTOMER_SEGMENTS)


@dg.multi_asset_check(
    name=EVERY_DATE,
    specs=[
        dg.AssetCheckSpec(
            EVERY_DATE,
            asset=asset_key(table),
            additional_deps=[asset_key(other) for other in _DATED if other != table],
            description="Fails the run if one of its dates is quarantined, because its files cannot be read or a check "
            "blocks it. The other dates are written.",
        )
        for table in _DATED
    ],
    can_subset=True,
)
def every_date_went_through(
    context: dg.AssetCheckExecutionContext, lake: LakeResource
) -> Iterator[dg.AssetCheckResult]:
    days = days_of_run(context.run.tags)
    of_run: dict[date, str] = {}
    held_by_these = cache(lambda *holders: lake.quarantined_dates(days, *holders) if days else {})
    for key in sorted(context.selected_asset_check_keys, key=str):
        table = TABLES["/".join(key.asset_key.path)]
        # A table that quarantines dates counts for itself too.
        holders = [holder for holder in _HOLDERS if holder == table or holder in held_by(table)]
        found = held_by_these(*holders)
        of_run |= {day: max(reason, of_run.get(day, ""), key=len) for day, reason in found.items()}
        yield dg.AssetCheckResult(
            passed=not found,
            asset_key=key.asset_key,
            check_name=EVERY_DATE,
            description=describe_reasons(found) or "No date is quarantined.",
            metadata={"dates_quarantined": len(found)},
        )
    if of_run and days:
        are = "is" if len(of_run) == 1 else "are"
        raise QuarantinedDatesError(
            f"{len(of_run)} of {len(days)} dates {are} quarantined. {describe_reasons(dict(sorted(of_run.items())))} A date "
            "that cannot be read changes no table, and a date that a check blocks changes no gold table; the other dates are "
            "written. `cis show reconciliation` shows details. Correct the files, then run these dates again."
        )


def build(settings: Settings) -> dg.Definitions:
    @table_asset(
        settings,
        quality.DATE_CHECKS,
        "polars",
        ins={
            "landed_files": table_in(bronze.LANDED_FILES),
            "bronze_orders": table_in(bronze.ORDERS),
            "bronze_items": table_in(bronze.ORDER_ITEMS),
            "bronze_rejected": table_in(bronze.REJECTED_ROWS),
            "orders": table_in(silver.ORDERS),
            "order_items": table_in(silver.ORDER_ITEMS),
            "returned_items": table_in(silver.RETURNED_ITEMS),
            "rejected_rows": table_in(silver.REJECTED_ROWS),
            "products": table_in(silver.PRODUCTS),
        },
        check_specs=[
            dg.AssetCheckSpec(
                name, asset=[quality.DATE_CHECKS.layer, quality.DATE_CHECKS.name], description=description
            )
            for name, description in CHECKS.items()
        ],
    )
    def date_checks(
        context: dg.AssetExecutionContext,
        lake: LakeResource,
        products: pl.LazyFrame,
        **tables: pl.LazyFrame,
    ) -> Iterator[dg.Output[pl.DataFrame] | dg.AssetCheckResult]:
        # Not an input: a day that depends on other days cannot be backfilled in one run with them.
        orders_per_day = _orders_per_day(lake, days_of(context))
        policy = QualityPolicy.from_settings(settings)
        # The rows of an unreadable date come from former files, so the date gets no verdict.
        unreadable = tables["landed_files"].filter(pl.col("fault").is_not_null()).select("order_date").collect()
        days = set(days_of(context)) - set(unreadable["order_date"])
        found = Verdicts.merge(
            verdicts_domain.judge(
                _tables_of(span, tables),
                products,
                orders_per_day,
                [day for day in span if day in days],
                policy,
            )
            for span in chunks_of(context)
        )
        yield dg.Output(found.rows)
        asked = {key.name for key in context.selected_asset_check_keys}
        yield from (_result(name, found) for name in CHECKS if name in asked)

    return dg.Definitions(assets=[date_checks], asset_checks=[every_date_went_through])


def _orders_per_day(lake: LakeResource, days: Sequence[date]) -> pl.DataFrame:
    """Count the orders of each date that was read. A date whose files hold no order counts as zero."""
    before = DateRange(min(days) - timedelta(days=DAYS_BEFORE), max(days))
    read = (
        set(lake.row_counts(bronze.LANDED_FILES)[ORDER_DATE])
        - lake.quarantined_dates(before, bronze.LANDED_FILES).keys()
    )
    counted = dict(lake.row_counts(silver.ORDERS).select(ORDER_DATE, "rows").iter_rows())
    rows = [(day, counted.get(day, 0)) for day in before if day in read or day in counted]
    return pl.DataFrame(rows, schema={ORDER_DATE: pl.Date, "rows": pl.Int64}, orient="row")


def days_of_run(tags: Mapping[str, str]) -> DateRange | None:
    """The order dates of a run, by its tags; None for a run without partitions."""
    first = tags.get("dagster/asset_partition_range_start") or tags.get("dagster/partition")
    last = tags.get("dagster/asset_partition_range_end") or first
    return DateRange(date.fromisoformat(first), date.fromisoformat(last)) if first and last else None


def _tables_of(days: DateRange, tables: Mapping[str, pl.LazyFrame]) -> DatedTables:
    of_days = {name: ordered_in(days, rows) for name, rows in tables.items()}
    return DatedTables(
        landed_files=of_days["landed_files"],
        bronze={"orders": of_days["bronze_orders"], "order_items": of_days["bronze_items"]},
        bronze_rejected=of_days["bronze_rejected"],
        silver={"orders": of_days["orders"], "order_items": of_days["order_items"]},
        returned=of_days["returned_items"],
        silver_rejected=of_days["rejected_rows"],
    )


def _result(name: str, found: Verdicts) -> dg.AssetCheckResult:
    """The result that the UI shows: the dates on which the check failed, the counts, and the first offenders."""
    of_check = found.rows.filter(pl.col("check") == name)
    failed = of_check.filter(~pl.col("passed"))
    blocked = failed.filter(pl.col("fault").is_not_null())
    shown, description = of_check, f"Passed on all {of_check.height} dates."
    if failed.height:
        shown = failed.sort(pl.col("fault").is_null(), "order_date")
        first = shown.row(0, named=True)
        description = f"{failed.height} of {of_check.height} dates failed. {first['order_date']}: {first['detail']}."
    metadata: dict[str, dg.MetadataValue] = {
        "dates": dg.MetadataValue.int(of_check.height),
        "dates_failed": dg.MetadataValue.int(failed.height),
        "dates_quarantined": dg.MetadataValue.int(blocked.height),
        "counts": _table(shown.head(_DAYS_SHOWN).select("order_date", "measured", "detail")),
    }
    if name in found.offenders:
        metadata["first_offenders"] = _table(found.offenders[name])
    return dg.AssetCheckResult(
        passed=not failed.height,
        check_name=name,
        severity=dg.AssetCheckSeverity.ERROR if blocked.height else dg.AssetCheckSeverity.WARN,
        description=description,
        metadata=metadata,
    )


def _table(rows: pl.DataFrame) -> dg.MetadataValue:
    records = [
        dg.TableRecord({name: value if isinstance(value, int | float) else str(value) for name, value in row.items()})
        for row in rows.fill_null("").iter_rows(named=True)
    ]
    return dg.MetadataValue.table(
        records, schema=dg.TableSchema([dg.TableColumn(name, "string") for name in rows.columns])
    )
