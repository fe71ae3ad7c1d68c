"""What the evaluations of all predictions share: the columns of their figures.

A row without a baseline has the metric and its 95% interval (auc and ece: none). A row with one has the difference, method
less baseline, and its paired interval.
"""

from __future__ import annotations

from cis_assets.catalog.gold import MODEL_EVALUATIONS

EVALUATION_COLUMNS = {name: kind for name, kind in MODEL_EVALUATIONS.dtypes.items() if name != "as_of_date"}
"""Columns of gold/model_evaluations without the day of the training."""
ALL, HELD_OUT = "all", "held_out_customers"
