"""The rules of offers and their audience: what each kind and scope needs, what can be told, and whom an offer is for."""

import polars as pl

from cis_assets.catalog import bronze, silver
from cis_assets.silver.rejection import reason_if
from cis_assets.silver.texts import tidied

_NUMBERS = {"percent": "percent_off", "amount": "amount_off", "coupon": None}
_AMOUNTS = ("amount_off", "minimum_spend")
_PLACES = {"product": "product_id", "department": "department_id", "order": None}


def with_defaults(offers: pl.LazyFrame) -> pl.LazyFrame:
    """Spell kind and scope as the catalog does, with the default where there is none, and tidy codes."""
    word = {name: pl.col(name).str.strip_chars().str.to_lowercase() for name in ("kind", "scope")}
    return offers.with_columns(
        **{
            name: pl.when(text != "").then(text).otherwise(pl.lit(silver.OFFERS.fills[name]))
            for name, text in word.items()
        },
        code=tidied("code"),
    )


def with_audience(
    offers: pl.LazyFrame, audience: pl.LazyFrame, rejected: pl.LazyFrame, *, is_known: bool = True
) -> pl.LazyFrame:
    """Add `has_audience`. `audience` and `rejected` are bronze rows.

    A row of an audience that is not valid, or has no customer, still says that the offer is not for everybody. While the
    newest audience cannot be used, it is not known of any offer that it is for everybody.
    """
    if not is_known:
        return offers.with_columns(has_audience=pl.lit(True))
    texts = rejected.filter(pl.col("source_table") == bronze.OFFER_AUDIENCE.name)
    numbers = texts.select(offer_id=pl.col("raw_text").str.extract_all(r"\d+")).explode("offer_id", empty_as_null=False)
    named = pl.concat([audience.select("offer_id"), numbers.select(pl.col("offer_id").cast(pl.Int64, strict=False))])
    named = named.drop_nulls().unique().with_columns(has_audience=pl.lit(True))
    return offers.join(named, on="offer_id", how="left").with_columns(pl.col("has_audience").fill_null(False))


def offer_reasons() -> list[pl.Expr]:
    """Why an offer is rejected, beside the rules of its columns. `is_known_product` and `is_known_department` are given."""
    return [
        reason_if(~pl.col("kind").is_in(list(_NUMBERS)), "kind is not percent, amount or coupon"),
        reason_if(~pl.col("scope").is_in(list(_PLACES)), "scope is not product, department or order"),
        *_needs("kind", _NUMBERS),
        *_needs("scope", _PLACES),
        *(_cents(column) for column in _AMOUNTS),
        reason_if(
            ~pl.col("code").str.contains(silver.OFFER_CODE), "code is not 1 to 20 letters (A to Z), digits, - and _"
        ),
        reason_if(pl.col("ends_on") < pl.col("starts_on"), "ends_on is before starts_on"),
        reason_if(
            pl.col("product_id").is_not_null() & pl.col("is_known_product").is_null(),
            "product_id is not a known product",
        ),
        reason_if(
            pl.col("department_id").is_not_null() & pl.col("is_known_department").is_null(),
            "department_id is not a known department",
        ),
    ]


def _cents(column: str) -> pl.Expr:
    """A message tells an amount to the cent, so a part of a cent would be told rounded."""
    rounded = (pl.col(column) * 100).round(0) / 100
    is_parted = (pl.col(column) > 0) & ((pl.col(column) - rounded).abs() >= silver.CENT_TOLERANCE)
    return reason_if(is_parted, f"{column} is not in whole cents")


def _needs(choice: str, columns: dict[str, str | None]) -> list[pl.Expr]:
    """Each choice needs its column, and has none of the others."""
    return [
        reason
        for value, column in columns.items()
        if column is not None
        for reason in (
            reason_if((pl.col(choice) == value) & pl.col(column).is_null(), f"{column} is missing"),
            reason_if(
                (pl.col(choice) != value) & pl.col(column).is_not_null(),
                f"{column} is given, but only offers of the {choice} {value} have one",
            ),
        )
    ]
