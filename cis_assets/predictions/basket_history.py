"""Order histories as arrays: the product families of each order, for the prediction of the next basket.

Rows are sorted by customer, family and order, so that sums run in a fixed order whatever the order of the rows read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

import narwhals as nw
import numpy as np
import polars as pl

from cis_assets.catalog.product_families import family_numbers
from cis_assets.predictions.customer_sample import Purpose, is_sampled

_ORDER = ["customer_id", "day_number", "order_of_day"]


@dataclass(frozen=True)
class FamilyIndex:
    """All product families, numbered by aisle and family id; products are numbered by family and product id.

    `product_id` and `product_place` are by product id, and `products` lists the same ids by number. The products of family
    f are `first_product[f]` to before `first_product[f + 1]`. `aisle` numbers the aisles without gaps. `in_shop` says of
    each product, by number, whether the shop has it: it is neither delisted nor out of stock.
    """

    product_id: np.ndarray
    product_place: np.ndarray
    products: np.ndarray
    product_family: np.ndarray
    in_shop: np.ndarray
    first_product: np.ndarray
    family_id: np.ndarray
    aisle: np.ndarray

    @classmethod
    def read(cls, products: nw.LazyFrame) -> Self:
        """Number the families of rows of silver/products. The aisle of a family is the aisle of its smallest product."""
        members = family_numbers(products).collect(backend="polars").to_native()
        in_shop = nw.col("delisted_at").is_null() & nw.col("in_stock").fill_null(True)
        facts = products.select("product_id", "aisle_id", in_shop=in_shop).collect(backend="polars").to_native()
        aisles = facts.select("aisle_id", family_id="product_id")
        kinds = aisles.join(members.select("family_id").unique(), on="family_id").sort("aisle_id", "family_id")
        kinds = kinds.with_columns(family=pl.int_range(pl.len(), dtype=pl.Int64))
        members = members.join(kinds.select("family_id", "family"), on="family_id").sort("family", "product_id")
        members = members.join(facts, on="product_id", maintain_order="left")
        ids, family = members["product_id"].to_numpy(), members["family"].to_numpy()
        by_id = np.argsort(ids)
        return cls(
            product_id=ids[by_id],
            product_place=by_id,
            products=ids,
            product_family=family,
            in_shop=members["in_shop"].to_numpy(),
            first_product=np.searchsorted(family, np.arange(kinds.height + 1)),
            family_id=kinds["family_id"].to_numpy(),
            aisle=kinds["aisle_id"].rank("dense").cast(pl.Int64).to_numpy() - 1,
        )

    def __len__(self) -> int:
        return len(self.family_id)

    @property
    def most_products(self) -> int:
        """The number of products of the largest family."""
        return int(np.diff(self.first_product).max(initial=1))

    @property
    def smallest_in_shop(self) -> np.ndarray:
        """The number of each family's smallest product that the shop has; of its smallest one if it has none."""
        size = len(self.products)
        place = np.where(self.in_shop, np.arange(size), size)
        smallest = np.minimum.reduceat(place, self.first_product[:-1]) if len(self) else place
        return np.where(smallest < size, smallest, self.first_product[:-1])

    def product_numbers(self, product_ids: np.ndarray) -> np.ndarray:
        """The numbers of products; -1 for a product that silver/products does not have."""
        if not len(self.product_id):
            return np.full(len(product_ids), -1)
        place = np.minimum(np.searchsorted(self.product_id, product_ids), len(self.product_id) - 1)
        return np.where(self.product_id[place] == product_ids, self.product_place[place], -1)

    def family_numbers(self, family_ids: np.ndarray) -> np.ndarray:
        """The numbers of families by id; -1 for a family that is gone."""
        number = self.product_numbers(family_ids)
        if not len(self):
            return number
        family = self.product_family[number]
        return np.where((number >= 0) & (self.family_id[family] == family_ids), family, -1)


@dataclass(frozen=True)
class BasketHistory:
    """The orders of some customers, by customer and time, and their lines, one per order and family.

    Orders of customer c are `first_order[c]` to before `first_order[c + 1]`. Lines are sorted by customer, family and order;
    `order` is a place in the orders. `product` is the number of the family's product that comes first in the cart, and
    `position` its place there, from 0 (first) to at most 1. `basket` is the number of families of an order.
    """

    families: FamilyIndex
    customer_id: np.ndarray
    first_order: np.ndarray
    day: np.ndarray
    weekday: np.ndarray
    hour: np.ndarray
    basket: np.ndarray
    customer: np.ndarray
    family: np.ndarray
    order: np.ndarray
    position: np.ndarray
    product: np.ndarray

    @classmethod
    def read(cls, orders: nw.LazyFrame, order_items: nw.LazyFrame, families: FamilyIndex, last_day: int) -> Self:
        """Read rows of silver/orders and silver/order_items up to `last_day` (a day number).

        Lines of products that silver/products does not have are left out.
        """
        heads = _collect(orders, [*_ORDER, "order_weekday", "order_hour", "item_count"], last_day).sort(*_ORDER)
        customer_id, first_order = np.unique(heads["customer_id"].to_numpy(), return_index=True)
        first_order = np.append(first_order, heads.height)
        rows = _collect(order_items, [*_ORDER, "product_id", "add_to_cart_order"], last_day)
        lines = _Lines.read(rows, heads, families)
        order = first_order[lines.customer] + lines.number
        return cls(
            families=families,
            customer_id=customer_id,
            first_order=first_order,
            day=heads["day_number"].to_numpy().astype(np.int64),
            weekday=heads["order_weekday"].to_numpy().astype(np.int64),
            hour=heads["order_hour"].to_numpy().astype(np.int64),
            basket=np.bincount(order, minlength=heads.height),
            customer=lines.customer,
            family=lines.family,
            order=order,
            position=np.minimum((lines.position - 1) / heads["item_count"].to_numpy()[order], 1.0),
            product=lines.product,
        )

    @property
    def order_counts(self) -> np.ndarray:
        """The number of orders of each customer."""
        return np.diff(self.first_order)

    def of_customers(self, chosen: np.ndarray) -> Self:
        """The history of the customers for whom `chosen` is true."""
        return self.of_orders(np.repeat(chosen, self.order_counts))

    def between(self, first_day: int, last_day: int) -> Self:
        """The orders from one day (a day number) to another, of the customers who have one."""
        return self.of_orders((self.day >= first_day) & (self.day <= last_day))

    def of_orders(self, orders: np.ndarray) -> Self:
        """The orders for which `orders` is true, of the customers who have one."""
        if orders.all():
            return self
        counts = np.diff(np.append(0, np.cumsum(orders))[self.first_order])
        chosen, lines = counts > 0, orders[self.order]
        new_customer, new_order = np.cumsum(chosen) - 1, np.cumsum(orders) - 1
        by_order = {name: getattr(self, name)[orders] for name in ("day", "weekday", "hour", "basket")}
        by_line = {name: getattr(self, name)[lines] for name in ("family", "position", "product")}
        return replace(
            self,
            customer_id=self.customer_id[chosen],
            first_order=np.append(0, np.cumsum(counts[chosen])),
            customer=new_customer[self.customer[lines]],
            order=new_order[self.order[lines]],
            **by_order,
            **by_line,
        )


@dataclass(frozen=True)
class _Lines:
    """Lines by customer, family and order, each family once per order; `number` is the place of the customer's order."""

    customer: np.ndarray
    family: np.ndarray
    number: np.ndarray
    position: np.ndarray
    product: np.ndarray

    @classmethod
    def read(cls, lines: pl.DataFrame, heads: pl.DataFrame, families: FamilyIndex) -> Self:
        placed = heads.select(
            *_ORDER,
            "item_count",
            customer=pl.col("customer_id").rank("dense").cast(pl.Int64) - 1,
            number=pl.int_range(pl.len(), dtype=pl.Int64).over("customer_id"),
        )
        product = families.product_numbers(lines["product_id"].to_numpy())
        lines = lines.select(*_ORDER, "add_to_cart_order", product=product).filter(pl.col("product") >= 0)
        lines = lines.join(placed, on=_ORDER)
        # Places beyond the items of the order are all last. Files may have any number there.
        position = lines.select(
            pl.min_horizontal("add_to_cart_order", pl.col("item_count") + 1).cast(pl.Int64)
        ).to_series()
        product = lines["product"].to_numpy()
        family = families.product_family[product]
        digits = {
            "family": (family, max(len(families), 1)),
            "number": (lines["number"].to_numpy(), int(heads.group_by("customer_id").len()["len"].max() or 0) + 1),  # pyright: ignore[reportArgumentType]
            "position": (position.to_numpy(), int(position.max() or 0) + 1),  # pyright: ignore[reportArgumentType]
            "product": (product - families.first_product[family], families.most_products),
        }
        if heads["customer_id"].n_unique() * math.prod(size for _, size in digits.values()) >= 1 << 62:
            raise ValueError("The customers of a chunk are too many. Read fewer customers at once.")
        # One integer sorts faster than five columns.
        key = lines["customer"].to_numpy().copy()
        for values, size in digits.values():
            key *= size
            key += values
        key.sort()
        key, product = np.divmod(key, digits["product"][1])
        key, position = np.divmod(key, digits["position"][1])
        first = np.append(True, key[1:] != key[:-1])[: len(key)]
        key, number = np.divmod(key[first], digits["number"][1])
        customer, family = np.divmod(key, digits["family"][1])
        return cls(customer, family, number, position[first], product[first] + families.first_product[family])


def sampled_history(
    orders: nw.LazyFrame,
    order_items: nw.LazyFrame,
    products: nw.LazyFrame,
    last_day: int,
    most_customers: int,
    first_day: int | None = None,
) -> BasketHistory:
    """Read the orders up to `last_day` (a day number) of at most `most_customers` customers, chosen by a hash of their ids.

    Other customers' rows are not kept in memory. `first_day` leaves out older orders, as `product_recommendations` does.
    """
    if first_day is not None:
        orders, order_items = (rows.filter(nw.col("day_number") >= first_day) for rows in (orders, order_items))
    customers = np.unique(_collect(orders, ["customer_id"], last_day)["customer_id"].to_numpy())
    if len(customers) > most_customers:
        chosen = customers[is_sampled(customers, Purpose.READ, most_customers)]
        is_chosen = nw.col("customer_id").is_in(chosen.tolist())
        orders, order_items = orders.filter(is_chosen), order_items.filter(is_chosen)
    return BasketHistory.read(orders, order_items, FamilyIndex.read(products), last_day)


def _collect(rows: nw.LazyFrame, columns: list[str], last_day: int) -> pl.DataFrame:
    return rows.filter(nw.col("day_number") <= last_day).select(*columns).collect(backend="polars").to_native()
