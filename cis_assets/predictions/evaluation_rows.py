"""What the evaluations of all predictions share: the columns of their figures and of calibration curves.

A row without a baseline has the metric and its 95% interval (auc and ece: none). A row with one has the difference, method
less baseline, and its paired interval.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from cis_assets.catalog.gold import MODEL_EVALUATIONS
from cis_assets.predictions.scores import calibration

EVALUATION_COLUMNS = {name: kind for name, kind in MODEL_EVALUATIONS.dtypes.items() if name != "trained_as_of"}
"""Columns of gold/model_evaluations without the day of the training."""
ALL, HELD_OUT = "all", "held_out_customers"
GIVEN, EXPECTED = "given", "expected"
CONTEXTS = (GIVEN, EXPECTED)
"""Whether the weekday, hour and gap of the order to predict are known, as in Kaggle's task, or not, as when serving."""
FEWEST_CUSTOMERS = 10
"""Slices of fewer customers have no figures."""
CALIBRATION_COLUMNS = {
    "task": pl.String(),
    "event": pl.String(),
    "method": pl.String(),
    "probability": pl.Float64(),
    "share": pl.Float64(),
    "rows": pl.Int64(),
}
"""Columns of calibration curves: 15 quantile bins of what a method says of an event, and the share in which it happened."""


def calibration_rows(task: str, event: str, method: str, happened: np.ndarray, probability: np.ndarray) -> pl.DataFrame:
    """The calibration curve of probabilities, with CALIBRATION_COLUMNS."""
    bins = pl.DataFrame(calibration(happened, probability), schema=["probability", "share", "rows"])
    named = bins.with_columns(task=pl.lit(task), event=pl.lit(event), method=pl.lit(method))
    return named.select(pl.col(name).cast(kind) for name, kind in CALIBRATION_COLUMNS.items())


def no_calibration() -> pl.DataFrame:
    return pl.DataFrame(schema=CALIBRATION_COLUMNS)
