"""Data quality per order date: verdicts on bronze and silver, before gold is made.

Every verdict is stored as a row, and the asset checks show the verdicts of the last run. A verdict with a `fault`
quarantines its date: gold tables leave the date out and keep the rows they had. Other dates go on.
"""

from collections.abc import Iterator, Mapping

import dagster as dg
import polars as pl

from cis_assets.catalog import bronze, quality, silver
from cis_assets.dates import DateRange
from cis_assets.defs.partitions import chunks_of, days_of, ordered_in
from cis_assets.defs.resources import LakeResource
from cis_assets.defs.tables import table_asset, table_in
from cis_assets.quality import verdicts as verdicts_domain
from cis_assets.quality.policy import QualityPolicy
from cis_assets.quality.reconciliation import DatedTables
from cis_assets.quality.verdicts import CHECKS, Verdicts
from cis_assets.settings import Settings

_DAYS_SHOWN = 20


def build_assets(settings: Settings) -> list[dg.AssetsDefinition]:
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
        orders_per_day = lake.row_counts(silver.ORDERS)
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

    return [date_checks]


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
    shown = failed.sort(pl.col("fault").is_null(), "order_date") if failed.height else of_check
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
        description=_describe(of_check, failed),
        metadata=metadata,
    )


def _describe(of_check: pl.DataFrame, failed: pl.DataFrame) -> str:
    if not failed.height:
        return f"Passed on all {of_check.height} dates."
    first = failed.sort(pl.col("fault").is_null(), "order_date").row(0, named=True)
    return f"{failed.height} of {of_check.height} dates failed. {first['order_date']}: {first['detail']}."


def _table(rows: pl.DataFrame) -> dg.MetadataValue:
    records = [
        dg.TableRecord({name: value if isinstance(value, int | float) else str(value) for name, value in row.items()})
        for row in rows.fill_null("").iter_rows(named=True)
    ]
    return dg.MetadataValue.table(
        records, schema=dg.TableSchema([dg.TableColumn(name, "string") for name in rows.columns])
    )
