"""Gold: what each customer will likely buy and when, the models that say so, and how good they are. `gold` lists these tables."""

import dataframely as dy

from cis_assets.catalog.snapshot_schema import Snapshot as _Snapshot
from cis_assets.catalog.snapshot_schema import snapshot as _snapshot
from cis_assets.catalog.table import Table

_VERSION = "Day that the model was trained as of: the newest version up to the day of the snapshot, else the first."


class ProductRecommendations(_Snapshot):
    """The product families that each customer will likely have in the next order, and a few that are new to them.

    Only customers with an order in the trailing window, and only orders of that window.
    """

    customer_id = dy.Int64(description="Customer.")
    rank = dy.Int32(
        min=1, description="1 to 10: repeats, by falling probability. From 11: discoveries, by falling probability."
    )
    kind = dy.String(
        description="repeat: a family that the customer bought before; discovery: one that the customer never bought."
    )
    product_id = dy.Int64(
        description="Product of the family that the customer bought last, of a discovery the smallest; one that the shop "
        "has, if there is one."
    )
    product_family = dy.Int64(description="The family: the smallest product id of it.")
    probability = dy.Float64(min=0.0, max=1.0, description="Calibrated probability that the next order has the family.")
    dueness = dy.Float64(
        nullable=True,
        description="Days since the last purchase of the family / usual days between its purchases; null after one purchase.",
    )
    reason_code = dy.String(
        description="in_recent_orders, every_days, in_all_orders, or bought_with: what reason_numbers are."
    )
    reason_numbers = dy.List(
        dy.Int64(),
        description="in_recent_orders: orders with it, latest orders. every_days: usual days between purchases, days since "
        "the last. in_all_orders: orders with it, all orders of the window. bought_with: product id of what it is bought with.",
    )
    model_version = dy.Date(nullable=True, description=f"{_VERSION} null: none was trained, so a baseline serves.")
    served = dy.String(
        description="Method of the repeats: ranker, or a baseline: personal_frequency, recency_weighted_frequency."
    )


class NextOrder(_Snapshot):
    """When each customer with an order in the trailing window will likely order again."""

    customer_id = dy.Int64(description="Customer.")
    expected_order_date = dy.Date(
        nullable=True,
        description="First day up to which an order is at least as likely as not; null where that is over 90 days away.",
    )
    probability_7d = dy.Float64(min=0.0, max=1.0, description="Probability of an order in the 7 days after the day.")
    probability_28d = dy.Float64(min=0.0, max=1.0, description="Probability of an order in the 28 days after the day.")
    expected_orders_90d = dy.Float64(min=0.0, description="Expected number of orders in the 90 days after the day.")
    model_version = dy.Date(description=_VERSION)
    served = dy.String(description="Method of probability_7d: learned, or a baseline.")
    served_28d = dy.String(
        description="Method of probability_28d and of the date beyond 7 days: learned, or a baseline."
    )
    served_90d = dy.String(description="Method of expected_orders_90d: learned, or a baseline.")


class PredictionModels(dy.Schema):
    """The trained models of predictions, in plain numbers: every version, with the methods that serve."""

    task = dy.String(description="next_order or next_basket.")
    trained_as_of = dy.Date(description="Day of the newest order that the version knows. It names the version.")
    served = dy.List(
        dy.String(),
        description="Methods that serve. next_order: for 7, 28 and 90 days. next_basket: for repeats.",
    )
    part = dy.String(description="What the row describes: trees, a calibration, a baseline, or figures of families.")
    tree = dy.Int32(description="Number of the tree in its part; -1 in other rows.")
    features = dy.List(dy.String(), description="Features in the order of the trees.")
    feature = dy.List(dy.Int32(), description="Of each node: number of the feature that it tests.")
    threshold = dy.List(dy.Float64(), description="Of each node: values up to it go left.")
    missing_goes_left = dy.List(dy.Bool(), description="Of each node: whether a missing value goes left.")
    left = dy.List(dy.Int32(), description="Of each node: number of its left child; -1: a leaf.")
    right = dy.List(dy.Int32(), description="Of each node: number of its right child; -1: a leaf.")
    value = dy.List(dy.Float64(), description="Of each node: its value. In other rows: the numbers of the part.")
    ids = dy.List(
        dy.Int64(),
        description="Product families that the numbers of the part belong to; partners: pairs of a family and its partner.",
    )


class ModelEvaluations(dy.Schema):
    """How good predictions are: figures from backtests on later orders, and differences to baselines."""

    trained_as_of = dy.Date(description="Day of the training: the newest order that the backtest knows.")
    task = dy.String(description="next_order or next_basket.")
    method = dy.String(description="Method that predicts.")
    slice = dy.String(
        description="all, held_out_customers (not trained on), repeat, discovery, or the lifecycle stage before the order."
    )
    context = dy.String(
        description="expected: as when serving; given (`cis evaluate`): weekday, hour and gap of the order are known too."
    )
    served = dy.Bool(
        description="Whether the method serves after this training; with context given: whether it would, by that context."
    )
    metric = dy.String(
        description="next_basket: p@1, p@5, recall@10, ndcg@10, ndcg@10_whole, brier, ece. next_order: brier, log_loss, ece, "
        "auc for 7 days and (_28d) 28 days, absolute_error_90d, poisson_deviance_90d."
    )
    value = dy.Float64(nullable=True, description="The metric; with a baseline, its difference: method less baseline.")
    low = dy.Float64(nullable=True, description="Lower end of the 95% interval; null: none is computed.")
    high = dy.Float64(nullable=True, description="Upper end of the 95% interval.")
    baseline = dy.String(
        nullable=True, description="Baseline that the method is compared with; null: the metric itself."
    )
    n = dy.Int64(min=0, description="Predictions that the figure is of: baskets, candidates, or customers and days.")


PRODUCT_RECOMMENDATIONS = _snapshot(
    "product_recommendations", ProductRecommendations, "customer, rank, as of a day", ("customer_id", "rank")
)
NEXT_ORDER = _snapshot("next_order", NextOrder, "customer, as of a day", ("customer_id",))
PREDICTION_MODELS = Table(
    "gold",
    "prediction_models",
    PredictionModels,
    "part of a version",
    ("task", "trained_as_of", "part", "tree"),
    may_be_empty=True,
)
# Without a key, because a figure has no baseline.
MODEL_EVALUATIONS = Table(
    "gold",
    "model_evaluations",
    ModelEvaluations,
    "task, method, slice, context, metric, baseline, of a training",
    may_be_empty=True,
)
