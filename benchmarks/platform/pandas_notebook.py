"""The same tables as a notebook computes them: pandas reads each file, and `groupby` and `merge` do the rest.

Everything is in memory. delta-rs writes the Delta tables.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
from deltalake import write_deltalake

from benchmarks.platform.segments_script import segments_of
from benchmarks.platform.stages import Stages
from benchmarks.platform.workload import FEATURES, Workload, table_uri

_COLUMNS = {
    "orders": ["order_id", "customer_id", "order_hour"],
    "order_items": ["order_id", "product_id", "add_to_cart_order", "quantity", "unit_price"],
}
_WHOLE = {"order_id", "customer_id", "order_hour", "product_id", "add_to_cart_order", "quantity"}
_ORDER_KEY = ["order_date", "order_id"]
_EPOCH = pd.Timestamp("1970-01-01")


class PandasNotebook:
    def __init__(self, workload: Workload, lake: str) -> None:
        self._workload = workload
        self._lake = lake

    def run(self, stages: Stages) -> None:
        with stages.stage("bronze"):
            landed = {}
            for table in _COLUMNS:
                landed[table], broken = self._landed(table)
                self._write(f"bronze/{table}", landed[table])
                self._write("bronze/rejected_rows", broken, mode="append")
        with stages.stage("silver"):
            orders, items = self._silver(landed.pop("orders"), landed.pop("order_items"))
        with stages.stage("features"):
            features = self._features(orders, items)
            self._write(FEATURES, features, partition_by="as_of_date")
        with stages.stage("segments"):
            write_deltalake(
                table_uri(self._lake, "gold/customer_segments"), segments_of(table_uri(self._lake, FEATURES))
            )

    def _landed(self, table: str) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The rows of all files that are numbers throughout, and the others as text.

        Lines with too many fields are passed over, and missing fields are missing values, as `read_csv` has it.
        """
        frames = []
        for file in sorted(Path(self._workload.landing, table).glob("*/*.csv")):
            frame = pd.read_csv(file, dtype=str, on_bad_lines="skip", keep_default_na=False, na_values=[""])
            frame["order_date"] = pd.Timestamp(file.parent.name.removeprefix("order_date="))
            frame["source_file"] = str(file)
            frames.append(frame)
        rows = pd.concat(frames, ignore_index=True)
        del frames
        broken = pd.Series(False, index=rows.index)
        for name in _COLUMNS[table]:
            numbers = pd.to_numeric(rows[name], errors="coerce")
            broken |= rows[name].notna() & numbers.isna()
            rows[name] = numbers
        text = rows.loc[broken, ["order_date", "source_file"]].assign(reason="not a number")
        rows = rows.loc[~broken].reset_index(drop=True)
        for name in _WHOLE.intersection(_COLUMNS[table]):
            rows[name] = rows[name].astype("Int64")
        return rows, text

    def _silver(self, orders: pd.DataFrame, items: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        products = pd.concat(pd.read_csv(path) for path in Path(self._workload.landing, "products").glob("*.csv"))
        write_deltalake(table_uri(self._lake, "silver/products"), pa.Table.from_pandas(products))
        kept = _once(orders, _ORDER_KEY, ["customer_id", "order_hour"])
        kept = kept[kept["customer_id"].notna() & kept["order_hour"].between(0, 23)].copy()
        kept["day_number"] = (kept["order_date"] - _EPOCH).dt.days
        kept = kept.sort_values(["order_date", "customer_id", "order_hour", "order_id"])
        kept["order_of_day"] = kept.groupby(["order_date", "customer_id"]).cumcount() + 1
        kept = kept.drop(columns="source_file")
        lines = _once(items, [*_ORDER_KEY, "add_to_cart_order"], ["product_id", "quantity", "unit_price"])
        lines["quantity"] = lines["quantity"].fillna(1)
        lines = lines[(lines["add_to_cart_order"] >= 1) & (lines["quantity"] >= 1)]
        lines = lines[lines["unit_price"].isna() | ((lines["unit_price"] > 0) & (lines["unit_price"] <= 1e9))]
        lines = lines.drop(columns="source_file").merge(kept, on=_ORDER_KEY)
        lines = lines.merge(products[["product_id", "department_id"]], on="product_id")
        lines["spend"] = (lines["quantity"] * lines["unit_price"]).round(2)
        baskets = lines.groupby(_ORDER_KEY, as_index=False).agg(
            item_count=("product_id", "size"),
            distinct_product_count=("product_id", "nunique"),
            priced=("unit_price", "count"),
            spend=("spend", "sum"),
        )
        baskets["spend"] = baskets["spend"].round(2).where(baskets["priced"] == baskets["item_count"])
        lines = lines.drop(columns="spend")
        valid = kept.merge(baskets.drop(columns="priced"), on=_ORDER_KEY)
        valid["order_weekday"] = valid["order_date"].dt.dayofweek + 1
        self._write("silver/order_items", lines)
        self._write("silver/orders", valid)
        self._write("silver/rejected_rows", _left_out(orders, valid, _ORDER_KEY))
        line_key = [*_ORDER_KEY, "add_to_cart_order"]
        self._write("silver/rejected_rows", _left_out(items, lines, line_key), mode="append")
        return valid, lines

    def _features(self, orders: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
        last = pd.Timestamp(self._workload.last)
        first = pd.Timestamp(self._workload.window_first)
        today = (last - _EPOCH).days
        orders = orders[orders["order_date"].between(first, last)]
        orders = orders.sort_values(["customer_id", "day_number", "order_of_day"])
        items = items[items["order_date"].between(first, last)]
        orders = orders.assign(
            is_weekend=(orders["order_weekday"] >= 6).astype(float),
            gap=orders.groupby("customer_id")["day_number"].diff().astype(float),
        )
        by_customer = orders.groupby("customer_id")
        features = by_customer.agg(
            last_day=("day_number", "max"),
            first_day=("day_number", "min"),
            order_count=("order_id", "size"),
            mean_basket_size=("item_count", "mean"),
            weekend_share=("is_weekend", "mean"),
            priced=("spend", "count"),
            total_spend=("spend", "sum"),
            mean_gap_days=("gap", "mean"),
            median_gap_days=("gap", "median"),
        )
        features["std_gap_days"] = by_customer["gap"].std(ddof=0)
        features["total_spend"] = features["total_spend"].round(2).where(features["priced"] == features["order_count"])
        features["mean_order_spend"] = features["total_spend"] / features["order_count"]
        features["recency_days"] = today - features["last_day"]
        features["tenure_days"] = today - features["first_day"]
        products = items.drop_duplicates(["customer_id", "product_id", *_ORDER_KEY])
        products = products.groupby(["customer_id", "product_id"], as_index=False).agg(
            orders=("order_id", "size"), last_day=("day_number", "max")
        )
        bought = products.groupby("customer_id").agg(
            distinct_product_count=("product_id", "size"), pairs=("orders", "sum")
        )
        bought["reorder_share"] = (bought["pairs"] - bought["distinct_product_count"]) / bought["pairs"]
        best = products.sort_values(
            ["customer_id", "orders", "last_day", "product_id"], ascending=[True, False, False, True]
        )
        best = best.drop_duplicates("customer_id").set_index("customer_id")
        features = features.join(bought)
        features["favourite_product_id"] = best["product_id"]
        features["favourite_product_orders"] = best["orders"]
        features["favourite_product_recency_days"] = today - best["last_day"]
        features["favourite_weekday"] = _favourite(orders, "order_weekday")
        features["favourite_hour"] = _favourite(orders, "order_hour")
        features["favourite_department_id"] = _favourite(items, "department_id")
        features["department_count"] = items.groupby("customer_id")["department_id"].nunique()
        features = features.drop(columns=["last_day", "first_day", "priced", "pairs"]).reset_index()
        return features.assign(as_of_date=last)

    def _write(
        self, path: str, rows: pd.DataFrame, *, partition_by: str = "order_date", mode: str = "overwrite"
    ) -> None:
        table = pa.Table.from_pandas(rows.assign(**{partition_by: rows[partition_by].dt.date}), preserve_index=False)
        write_deltalake(table_uri(self._lake, path), table, partition_by=[partition_by], mode=mode)  # pyright: ignore


def _once(rows: pd.DataFrame, key: list[str], content: list[str]) -> pd.DataFrame:
    """Count duplicate rows once, and rows that share a key but differ not at all."""
    return rows.drop_duplicates([*key, *content]).drop_duplicates(key, keep=False)


def _left_out(landed: pd.DataFrame, valid: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    marked = landed.merge(valid[key], on=key, how="left", indicator=True)
    rejected = marked[marked["_merge"] == "left_only"].drop(columns="_merge")
    as_json = rejected.drop(columns="order_date").to_json(orient="records", lines=True).splitlines()
    return pd.DataFrame(
        {"order_date": rejected["order_date"].to_numpy(), "row_json": [line for line in as_json if line]}
    )


def _favourite(rows: pd.DataFrame, column: str) -> pd.Series:
    counted = rows.groupby(["customer_id", column], as_index=False).size()
    best = counted.sort_values(["customer_id", "size", column], ascending=[True, False, True])
    return best.drop_duplicates("customer_id").set_index("customer_id")[column]
