"""A plain DuckDB script: SQL over the landing files of all dates, and one `write_deltalake` per table.

It computes the tables of the platform in one script. Rows that do not parse come from DuckDB's own list of rejects, and
rules are filters. It keeps the file of a bronze row, but not its line, and checks nothing per date.
"""

from __future__ import annotations

import duckdb
from deltalake import write_deltalake

from benchmarks.platform.segments_script import segments_of
from benchmarks.platform.stages import Stages
from benchmarks.platform.workload import FEATURES, Workload, table_uri

_BATCH_ROWS = 500_000
_BRONZE = {
    "orders": {"order_id": "BIGINT", "customer_id": "BIGINT", "order_hour": "INTEGER"},
    "order_items": {
        "order_id": "BIGINT",
        "product_id": "BIGINT",
        "add_to_cart_order": "INTEGER",
        "quantity": "DECIMAL(15, 3)",
        "unit_price": "DOUBLE",
    },
}
_PRODUCTS = {"product_id": "BIGINT", "product_name": "VARCHAR", "aisle_id": "BIGINT", "department_id": "BIGINT"}

_REJECTED_BRONZE = """
    SELECT DISTINCT ON (file_path, line)
        regexp_extract(file_path, 'order_date=([0-9-]+)', 1)::DATE AS order_date,
        file_path AS source_file, line::BIGINT AS source_line, error_message AS reason, csv_line AS raw_text
    FROM reject_errors JOIN reject_scans USING (scan_id, file_id)
"""
# Where a key comes twice, equal rows count once and contradicting ones not at all.
_VALID_ORDERS = """
    CREATE TABLE valid_orders AS
    SELECT order_date, order_id, customer_id, order_hour,
        (order_date - DATE '1970-01-01')::INTEGER AS day_number,
        row_number() OVER (PARTITION BY order_date, customer_id ORDER BY order_hour, order_id)::INTEGER AS order_of_day
    FROM (
        SELECT order_date, order_id, any_value(customer_id) AS customer_id, any_value(order_hour) AS order_hour
        FROM bronze_orders
        WHERE order_id IS NOT NULL AND customer_id IS NOT NULL AND order_hour BETWEEN 0 AND 23
        GROUP BY order_date, order_id
        HAVING min((customer_id, order_hour)) = max((customer_id, order_hour))
    )
"""
_SILVER_ITEMS = """
    CREATE TABLE silver_items AS
    WITH repeated AS (
        SELECT order_date, order_id, add_to_cart_order FROM bronze_order_items
        GROUP BY ALL HAVING count(*) > 1
    ), rows AS (
        SELECT order_date, order_id, product_id, add_to_cart_order, quantity, unit_price
        FROM bronze_order_items ANTI JOIN repeated USING (order_date, order_id, add_to_cart_order)
        UNION ALL
        SELECT order_date, order_id, any_value(product_id), add_to_cart_order, any_value(quantity), any_value(unit_price)
        FROM bronze_order_items SEMI JOIN repeated USING (order_date, order_id, add_to_cart_order)
        GROUP BY order_date, order_id, add_to_cart_order
        HAVING min((product_id, quantity, unit_price)) = max((product_id, quantity, unit_price))
    )
    SELECT order_date, order_id, customer_id, product_id, department_id, day_number, order_hour, order_of_day,
        add_to_cart_order, coalesce(quantity, 1) AS quantity, unit_price
    FROM rows JOIN valid_orders USING (order_date, order_id) JOIN products USING (product_id)
    WHERE add_to_cart_order >= 1 AND coalesce(quantity, 1) >= 1
        AND (unit_price IS NULL OR (unit_price > 0 AND unit_price <= 1e9))
"""
_SILVER_ORDERS = """
    CREATE TABLE silver_orders AS
    SELECT o.order_date, o.order_id, o.customer_id, o.order_hour, isodow(o.order_date)::INTEGER AS order_weekday,
        o.day_number, o.order_of_day, item_count, distinct_product_count, spend
    FROM valid_orders o JOIN (
        SELECT order_date, order_id, count(*)::INTEGER AS item_count,
            count(DISTINCT product_id)::INTEGER AS distinct_product_count,
            CASE WHEN count(*) = count(unit_price) THEN round(sum(round(quantity::DOUBLE * unit_price, 2)), 2) END AS spend
        FROM silver_items GROUP BY order_date, order_id
    ) USING (order_date, order_id)
"""
_SILVER_REJECTED = """
    SELECT b.order_date, 'orders' AS source_table, 'order_id=' || coalesce(b.order_id::VARCHAR, 'missing') AS source_key,
        CASE
            WHEN b.order_id IS NULL THEN 'order_id is missing'
            WHEN b.customer_id IS NULL THEN 'customer_id is missing'
            WHEN b.order_hour IS NULL THEN 'order_hour is missing'
            WHEN b.order_hour NOT BETWEEN 0 AND 23 THEN 'order_hour is out of bounds'
            ELSE 'no valid line, or contradicting copies'
        END AS reason, to_json(b)::VARCHAR AS row_json
    FROM bronze_orders b ANTI JOIN silver_orders USING (order_date, order_id)
    UNION ALL
    SELECT b.order_date, 'order_items', 'order_id=' || coalesce(b.order_id::VARCHAR, 'missing'),
        CASE
            WHEN b.order_id IS NULL THEN 'order_id is missing'
            WHEN b.product_id IS NULL THEN 'product_id is missing'
            WHEN b.add_to_cart_order IS NULL OR b.add_to_cart_order < 1 THEN 'add_to_cart_order is missing or below 1'
            WHEN b.quantity <= 0 THEN 'quantity is below 1'
            WHEN b.unit_price <= 0 OR b.unit_price > 1e9 THEN 'unit_price is out of bounds'
            WHEN p.product_id IS NULL THEN 'product_id is not a known product'
            WHEN o.order_id IS NULL THEN 'no valid order has this order_id'
            ELSE 'contradicting copies'
        END, to_json(b)::VARCHAR
    FROM (FROM bronze_order_items ANTI JOIN silver_items USING (order_date, order_id, add_to_cart_order)) b
    LEFT JOIN products p ON p.product_id = b.product_id
    LEFT JOIN valid_orders o ON o.order_date = b.order_date AND o.order_id = b.order_id
"""
_FEATURES = """
    WITH orders AS (FROM silver_orders WHERE order_date BETWEEN $first AND $last),
    lines AS (FROM silver_items WHERE order_date BETWEEN $first AND $last),
    figures AS (
        SELECT customer_id, ($last - max(order_date))::INTEGER AS recency_days, count(*)::INTEGER AS order_count,
            ($last - min(order_date))::INTEGER AS tenure_days, avg(item_count) AS mean_basket_size,
            avg((order_weekday >= 6)::INTEGER) AS weekend_share,
            CASE WHEN count(*) = count(spend) THEN round(sum(spend), 2) END AS total_spend
        FROM orders GROUP BY customer_id
    ),
    gaps AS (
        SELECT customer_id, avg(gap) AS mean_gap_days, median(gap) AS median_gap_days, stddev_pop(gap) AS std_gap_days
        FROM (
            SELECT customer_id,
                day_number - lag(day_number) OVER (PARTITION BY customer_id ORDER BY day_number, order_of_day) AS gap
            FROM orders
        ) WHERE gap IS NOT NULL GROUP BY customer_id
    ),
    weekdays AS (
        SELECT customer_id, arg_max(order_weekday, (n, -order_weekday)) AS favourite_weekday
        FROM (SELECT customer_id, order_weekday, count(*) AS n FROM orders GROUP BY ALL) GROUP BY customer_id
    ),
    hours AS (
        SELECT customer_id, arg_max(order_hour, (n, -order_hour)) AS favourite_hour
        FROM (SELECT customer_id, order_hour, count(*) AS n FROM orders GROUP BY ALL) GROUP BY customer_id
    ),
    departments AS (
        SELECT customer_id, count(*)::INTEGER AS department_count,
            arg_max(department_id, (n, -department_id)) AS favourite_department_id
        FROM (SELECT customer_id, department_id, count(*) AS n FROM lines GROUP BY ALL) GROUP BY customer_id
    ),
    products AS (
        SELECT customer_id, product_id, count(DISTINCT (day_number, order_id)) AS orders, max(day_number) AS last_day
        FROM lines GROUP BY customer_id, product_id
    ),
    bought AS (
        SELECT customer_id, count(*)::INTEGER AS distinct_product_count,
            (sum(orders) - count(*)) / sum(orders)::DOUBLE AS reorder_share,
            arg_max(product_id, (orders, last_day, -product_id)) AS favourite_product_id,
            max((orders, last_day)) AS best
        FROM products GROUP BY customer_id
    )
    SELECT $last AS as_of_date, customer_id, recency_days, order_count, tenure_days, mean_gap_days, median_gap_days,
        std_gap_days, mean_basket_size, distinct_product_count, reorder_share, department_count, favourite_weekday,
        favourite_hour, favourite_product_id, best[1]::INTEGER AS favourite_product_orders,
        (($last - DATE '1970-01-01') - best[2])::INTEGER AS favourite_product_recency_days, favourite_department_id,
        weekend_share, total_spend, total_spend / order_count AS mean_order_spend
    FROM figures LEFT JOIN gaps USING (customer_id) JOIN bought USING (customer_id)
        JOIN departments USING (customer_id) JOIN weekdays USING (customer_id) JOIN hours USING (customer_id)
"""


class DuckDbScript:
    def __init__(self, workload: Workload, lake: str) -> None:
        self._workload = workload
        self._lake = lake
        self._db = duckdb.connect()

    def run(self, stages: Stages) -> None:
        with stages.stage("bronze"):
            for table in _BRONZE:
                self._read(table)
                self._write(f"bronze/{table}", f"FROM bronze_{table}", "order_date")
            self._write("bronze/rejected_rows", _REJECTED_BRONZE, "order_date")
        with stages.stage("silver"):
            products = f"{self._workload.landing}/products/*.csv"
            self._db.execute(f"CREATE TABLE products AS FROM read_csv('{products}', columns={_PRODUCTS}, header=true)")
            self._write("silver/products", "FROM products")
            for statement in (_VALID_ORDERS, _SILVER_ITEMS, _SILVER_ORDERS):
                self._db.execute(statement)
            self._write("silver/order_items", "FROM silver_items", "order_date")
            self._write("silver/orders", "FROM silver_orders", "order_date")
            self._write("silver/rejected_rows", _SILVER_REJECTED, "order_date")
        with stages.stage("features"):
            last, first = (f"DATE '{day}'" for day in (self._workload.last, self._workload.window_first))
            self._write(FEATURES, _FEATURES.replace("$last", last).replace("$first", first), "as_of_date")
        with stages.stage("segments"):
            write_deltalake(
                table_uri(self._lake, "gold/customer_segments"), segments_of(table_uri(self._lake, FEATURES))
            )

    def _read(self, table: str) -> None:
        """A table of what landed; DuckDB keeps a list of the rows that do not parse."""
        files = f"{self._workload.landing}/{table}/*/*.csv"
        self._db.execute(
            f"CREATE TABLE bronze_{table} AS FROM read_csv('{files}', columns={_BRONZE[table]}, header=true,"
            " auto_detect=false, delim=',', quote='\"', filename='source_file', hive_partitioning=true,"
            " hive_types={'order_date': DATE}, store_rejects=true)"
        )

    def _write(self, path: str, query: str, partition_by: str | None = None) -> None:
        rows = self._db.sql(query).to_arrow_reader(_BATCH_ROWS)
        write_deltalake(table_uri(self._lake, path), rows, partition_by=[partition_by] if partition_by else None)
