"""Computes the customer features of one day with one engine, for the comparison in docs/scale.md.

`python -m benchmarks.engines LAKE DAY [--engine spark]` (with CIS_SPARK_REMOTE) reads silver from LAKE and writes the features
to a temporary lake. It prints rows, wall time, processor time and peak memory of this process. The resources of a Spark server
are not included.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import date

from benchmarks.processes import measured

_MIB = 1024 * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("lake", help="address of the lake")
    parser.add_argument("day", type=date.fromisoformat, help="day of the snapshot")
    parser.add_argument("--engine", choices=("polars", "spark"), default="polars")
    parser.add_argument("--history-days", type=int, default=365)
    asked = parser.parse_args()

    from cis_assets.catalog import gold, silver
    from cis_assets.catalog.product_families import family_numbers
    from cis_assets.dates import DateRange, trailing_window
    from cis_assets.lake.chunks import LazyChunks
    from cis_assets.lake.engines.polars_engine import PolarsEngine
    from cis_assets.lake.engines.spark_engine import SparkEngine
    from cis_assets.lake.lake import Lake
    from cis_assets.lake.slices import Slice
    from cis_assets.segmentation.customer_features import customer_features, customer_features_in_chunks

    engine = {"polars": PolarsEngine, "spark": SparkEngine}[asked.engine]()
    lake = Lake(asked.lake)
    window = trailing_window(asked.day, asked.history_days)
    with tempfile.TemporaryDirectory() as written, measured() as figures:
        orders, order_items = (
            engine.scan(table, lake.location(table), Slice.of_days(table, window))
            for table in (silver.ORDERS, silver.ORDER_ITEMS)
        )
        families = family_numbers(engine.scan(silver.PRODUCTS, lake.location(silver.PRODUCTS)))
        if asked.engine == "polars":
            families = families.collect().lazy()
            lines = sum(per_day.rows for day, per_day in lake.figures(silver.ORDER_ITEMS).days.items() if day in window)
            features = customer_features_in_chunks(orders, order_items, families, asked.day, asked.history_days, lines)
        else:
            features = [customer_features(orders, order_items, families, asked.day, asked.history_days)]
        of_day = Slice.of_days(gold.CUSTOMER_FEATURES, DateRange(asked.day, asked.day))
        location = Lake(written).location(gold.CUSTOMER_FEATURES)
        rows = engine.replace(gold.CUSTOMER_FEATURES, location, of_day, LazyChunks.of(features)).rows
    sys.stdout.write(
        f"{asked.engine}: {rows:,} customers, {figures.seconds:.1f} s, {figures.cpu_seconds:.1f} s of processor time, "
        f"peak {figures.peak / _MIB:,.0f} MiB\n"
    )


if __name__ == "__main__":
    main()
