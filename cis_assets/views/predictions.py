"""How good predictions are, computed from the lake's orders without writing anything."""

from datetime import date

import narwhals as nw

from cis_assets.catalog import silver
from cis_assets.errors import OperatorError
from cis_assets.lake.lake import Lake
from cis_assets.predictions.evaluation import PredictionEvaluation, PredictionOptions, evaluate_predictions
from cis_assets.views.tables import find_newest_order_date

_READ = (silver.ORDERS, silver.ORDER_ITEMS, silver.PRODUCTS)


class NoOrdersError(OperatorError):
    """Silver has no orders to evaluate on."""


def find_evaluation_day(lake: Lake, as_of: date | None, newest_complete: date) -> date:
    """The given day, but at most the newest order date up to `newest_complete`: later days would count as without orders.

    Raises NoOrdersError if silver has no orders up to it.
    """
    absent = [table.path for table in _READ if not lake.exists(table)]
    if absent:
        raise NoOrdersError(f"{absent[0]} does not exist yet: run `cis backfill` first.")
    newest = find_newest_order_date(lake, newest_complete)
    if newest is None or (as_of and find_newest_order_date(lake, as_of) is None):
        raise NoOrdersError(
            f"silver/orders has no order up to {as_of}: give a later day."
            if as_of
            else "silver/orders is empty: run `cis backfill`."
        )
    return min(as_of or newest, newest)


def evaluate_lake(lake: Lake, day: date, options: PredictionOptions) -> PredictionEvaluation:
    """Evaluate the predictions on the orders up to a day."""
    orders, order_items, products = (nw.from_native(lake.scan(table)) for table in _READ)
    return evaluate_predictions(orders, order_items, products, day, options)
