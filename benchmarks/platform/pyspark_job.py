"""Gold by PySpark in local mode, as in a Databricks notebook: features, and segments by Spark's KMeans.

It reads the Parquet files of the platform's silver, because Spark needs an extra library for Delta tables.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from deltalake import DeltaTable, write_deltalake
from pyspark.ml.clustering import KMeans
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.ml.feature import StandardScaler, VectorAssembler
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as f

from benchmarks.platform.stages import Stages
from benchmarks.platform.workload import FEATURES, Workload, table_uri

_CLUSTERED = ["recency_days", "order_count", "mean_gap_days", "mean_basket_size", "tenure_days", "reorder_share"]
_LOGGED = _CLUSTERED[:4]
_COUNTS = range(3, 9)
_SEED = 7
_WEEKEND = 6
_KIB = 1024


class PySparkJob:
    def __init__(self, workload: Workload, lake: str, silver: str) -> None:
        self._workload = workload
        self._lake = lake
        self._silver = silver

    def run(self, stages: Stages) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            spark = (
                SparkSession.builder.master("local[*]")
                .config("spark.driver.memory", "6g")
                .config("spark.sql.shuffle.partitions", "8")
                .config("spark.ui.enabled", "false")
                .config("spark.driver.bindAddress", "127.0.0.1")
                .config("spark.driver.host", "127.0.0.1")
                .config("spark.local.dir", scratch)
                .config("spark.sql.session.timeZone", "UTC")
                .getOrCreate()
            )
            spark.sparkContext.setLogLevel("ERROR")
            with stages.stage("features"):
                features = self._features(self._read(spark, "silver/orders"), self._read(spark, "silver/order_items"))
                self._write(FEATURES, features)
            with stages.stage("segments"):
                features = spark.createDataFrame(DeltaTable(table_uri(self._lake, FEATURES)).to_pandas())
                self._write("gold/customer_segments", _segments(features))
            stages.further_peak = _peak_of(spark.sparkContext._gateway.proc.pid)  # pyright: ignore
            spark.stop()

    def _read(self, spark: SparkSession, path: str) -> DataFrame:
        uri = table_uri(self._silver, path)
        rows = spark.read.option("basePath", uri).parquet(*DeltaTable(uri).file_uris())
        return rows.where(f.col("order_date").between(f.lit(self._workload.window_first), f.lit(self._workload.last)))

    def _features(self, orders: DataFrame, lines: DataFrame) -> DataFrame:
        today = f.lit((self._workload.last - type(self._workload.last)(1970, 1, 1)).days)
        previous = f.lag("day_number").over(Window.partitionBy("customer_id").orderBy("day_number", "order_of_day"))
        figures = (
            orders.withColumn("gap", f.col("day_number") - previous)
            .groupBy("customer_id")
            .agg(
                (today - f.max("day_number")).alias("recency_days"),
                f.count("*").alias("order_count"),
                (today - f.min("day_number")).alias("tenure_days"),
                f.avg("gap").alias("mean_gap_days"),
                f.median("gap").alias("median_gap_days"),
                f.stddev_pop("gap").alias("std_gap_days"),
                f.avg("item_count").alias("mean_basket_size"),
                f.avg((f.col("order_weekday") >= _WEEKEND).cast("int")).alias("weekend_share"),
                f.when(f.count("spend") == f.count("*"), f.round(f.sum("spend"), 2)).alias("total_spend"),
            )
        )
        products = lines.groupBy("customer_id", "product_id").agg(
            f.count_distinct("order_date", "order_id").alias("orders"), f.max("day_number").alias("last_day")
        )
        best = f.max_by(
            f.struct("product_id", "orders", "last_day"), f.struct("orders", "last_day", -f.col("product_id"))
        )
        bought = products.groupBy("customer_id").agg(
            f.count("*").alias("distinct_product_count"),
            ((f.sum("orders") - f.count("*")) / f.sum("orders")).alias("reorder_share"),
            best.alias("best"),
        )
        departments = lines.groupBy("customer_id").agg(f.count_distinct("department_id").alias("department_count"))
        joined = figures.join(bought, "customer_id").join(departments, "customer_id")
        for rows, column, name in (
            (orders, "order_weekday", "favourite_weekday"),
            (orders, "order_hour", "favourite_hour"),
            (lines, "department_id", "favourite_department_id"),
        ):
            joined = joined.join(_favourite(rows, column, name), "customer_id")
        return joined.select(
            f.lit(self._workload.last).alias("as_of_date"),
            *figures.columns,
            "distinct_product_count",
            "reorder_share",
            "department_count",
            "favourite_weekday",
            "favourite_hour",
            "favourite_department_id",
            f.col("best.product_id").alias("favourite_product_id"),
            f.col("best.orders").alias("favourite_product_orders"),
            (today - f.col("best.last_day")).alias("favourite_product_recency_days"),
            (f.col("total_spend") / f.col("order_count")).alias("mean_order_spend"),
        )

    def _write(self, path: str, rows: DataFrame) -> None:
        write_deltalake(table_uri(self._lake, path), rows.toArrow())


def _peak_of(process: int) -> int:
    """Largest resident size of a running process in bytes; Spark's Java is one of its own. 0 where there is no /proc."""
    status = Path(f"/proc/{process}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return sum(int(line.split()[1]) * _KIB for line in lines if line.startswith("VmHWM:"))


def _favourite(rows: DataFrame, column: str, name: str) -> DataFrame:
    counted = rows.groupBy("customer_id", column).count()
    return counted.groupBy("customer_id").agg(f.max_by(column, f.struct("count", -f.col(column))).alias(name))


def _segments(features: DataFrame) -> DataFrame:
    logged = {name: f.log1p(f.coalesce(f.col(name), f.lit(0.0))) for name in _LOGGED}
    assembled = VectorAssembler(inputCols=_CLUSTERED, outputCol="raw").transform(features.withColumns(logged))
    scaler = StandardScaler(inputCol="raw", outputCol="features", withMean=True)
    points = scaler.fit(assembled).transform(assembled).cache()
    models = [KMeans(k=count, seed=_SEED).fit(points) for count in _COUNTS]
    judge = ClusteringEvaluator()
    best = max(models, key=lambda model: judge.evaluate(model.transform(points)))
    return best.transform(points).select("as_of_date", "customer_id", f.col("prediction").alias("segment_id"))
