"""Product families, on any engine: the products that customers see as one, because they have one name.

The product ids of a shop are often finer than its names: sizes, suppliers and years of one product. Favorites,
recommendations, repeats and limits count by family.

A family is computed from silver/products where it is needed, and not stored: it is one expression, it joins by
product_id, and stored tables stay as they are. It follows the names in force, like the words of messages.
"""

import narwhals as nw

# Names in silver have single spaces, so no display name equals an aisle and a name.
_BETWEEN_AISLE_AND_NAME = "  "


def product_family() -> nw.Expr:
    """The family of a row of silver/products, as text: its display name, else its aisle and product name.

    It is in lower case. Upper-case letters whose lower case differs between engines become the same letter.
    """
    name_in_aisle = nw.concat_str("aisle", "product_name", separator=_BETWEEN_AISLE_AND_NAME)
    lower = nw.coalesce(nw.col("display_name"), name_in_aisle).str.to_lowercase()
    # Engines differ in the Greek sigma at the end of a word and in the Turkish I with a dot.
    return lower.str.replace_all("ς", "σ", literal=True).str.replace_all("i\u0307", "i", literal=True)


def family_numbers(products: nw.LazyFrame) -> nw.LazyFrame:
    """`product_id` and `family_id` of the rows of silver/products; the id is the smallest product id of the family."""
    families = products.select("product_id", product_family=product_family())
    return families.select("product_id", nw.col("product_id").min().over("product_family").alias("family_id"))
