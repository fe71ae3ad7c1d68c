"""Products, aisles and departments: the package's product ids with the names of their types.

The package has no product names, only types that many products share. A product lands under the code of its type, with a
display name for people; its aisle is the product category.

Does not belong here: how names are made (`names.py`).
"""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from cis_assets.sources.complete_journey.files import read_file
from cis_assets.sources.complete_journey.names import clean, name_category, name_product

_COLUMNS: dict[str, pl.DataType] = {
    "product_id": pl.Int64(),
    "department": pl.String(),
    "product_category": pl.String(),
    "product_type": pl.String(),
}
_KIND = ["department", "product_category", "product_type"]
_NO_CATEGORY = "Other Items"
_DEPARTMENTS = {
    "CHEF SHOPPE": "Chef's Shop",
    "CNTRL/STORE SUP": "Store Supplies",
    "DRUG GM": "Drug and General Merchandise",
    "MEAT-PCKGD": "Packaged Meat",
    "MISCELLANEOUS": "Miscellaneous",
    "NUTRITION": "Natural Foods and Nutrition",
    "PASTRY": "Bakery",
    "PROD-WHS SALES": "Produce Warehouse Sales",
    "SEAFOOD-PCKGD": "Packaged Seafood",
}


def read_products(folder: Path) -> pl.DataFrame:
    """Read the products as the package has them: product_id, department, product_category, product_type."""
    return read_file(folder, "products", _COLUMNS)


def product_snapshots(products: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
    """Build the landing snapshots of products, aisles and departments."""
    kinds = products.select(_KIND).unique().sort(_KIND)
    names = kinds.with_columns(
        display_name=pl.Series([name_product(kind, category) for _, category, kind in kinds.rows()], dtype=pl.String),
        aisle=pl.Series([_name_aisle(category) for category in kinds["product_category"]], dtype=pl.String),
        department_name=pl.Series([_name_department(name) for name in kinds["department"]], dtype=pl.String),
    )
    aisles, departments = (
        names.select(name=column)
        .unique()
        .sort("name")
        .with_row_index("id", 1)
        .with_columns(pl.col("id").cast(pl.Int64))
        for column in ("aisle", "department_name")
    )
    landed = (
        products.join(names, on=_KIND, how="left", nulls_equal=True)
        .join(aisles.rename({"id": "aisle_id", "name": "aisle"}), on="aisle", how="left")
        .join(departments.rename({"id": "department_id", "name": "department_name"}), on="department_name", how="left")
        .select(
            "product_id",
            pl.coalesce("product_type", "product_category", "department").alias("product_name"),
            "aisle_id",
            "department_id",
            "display_name",
        )
    )
    return {
        "products": landed.sort("product_id"),
        "aisles": aisles.select(aisle_id="id", aisle="name"),
        "departments": departments.select(department_id="id", department="name"),
    }


def _name_aisle(category: str | None) -> str:
    return (category and name_category(category)) or _NO_CATEGORY


def _name_department(department: str) -> str:
    return _DEPARTMENTS.get(department) or clean(department) or department
