"""Changes of the segment model: a new challenger, and promotion by a person or past a bound of drift or quality."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from cis_assets.catalog import AS_OF_DATE
from cis_assets.segmentation.assignment import place_customers
from cis_assets.segmentation.clusterboot import TRUSTED
from cis_assets.segmentation.drift import measure_drift
from cis_assets.segmentation.model import Training, TrainingOptions, train_segment_model
from cis_assets.segmentation.versions import CHALLENGER, add_challenger, champion, promote


@dataclass(frozen=True)
class ModelChange:
    """All rows of gold/segment_model and gold/segment_candidates after a change, and what happened.

    `former` is the champion before. `training` is None if a waiting challenger was promoted without a training.
    """

    models: pl.DataFrame
    candidates: pl.DataFrame
    former: pl.DataFrame
    training: Training | None

    @property
    def champion(self) -> pl.DataFrame:
        return champion(self.models)

    @property
    def promoted(self) -> bool:
        """Whether there is another champion than before."""
        return self.former.is_empty() or self.champion["version"][0] != self.former["version"][0]


def change_model(
    habits: pl.DataFrame,
    models: pl.DataFrame,
    candidates: pl.DataFrame,
    *,
    promotion: str | None,
    promote_at_drift: float | None,
    options: TrainingOptions,
) -> ModelChange:
    """Train a challenger on one snapshot of gold/customer_habits, or promote it.

    With `promotion` (its reason), the waiting challenger is promoted; only if none waits, one is trained first. Otherwise,
    the trained challenger is promoted by itself in two cases, if `promote_at_drift` is set: a population stability index of
    the champion reaches it, or a segment of the champion has a stability under 0.6 on these customers.
    """
    former, training, reason = champion(models), None, promotion
    if promotion is None or not _has_challenger(models):
        training = train_segment_model(habits, models, options)
        models = add_challenger(models, training.rows)
        others = candidates.filter(pl.col("version") != training.rows["version"][0])
        candidates = pl.concat([others, training.candidates])
        if reason is None and promote_at_drift is not None and not former.is_empty():
            drift = measure_drift(habits, place_customers(habits, former), former)
            reason = _reason(drift, training.least_former_jaccard, promote_at_drift)
    if reason is not None and _has_challenger(models):
        models = promote(models, habits[AS_OF_DATE][0], reason)
    return ModelChange(models, candidates, former, training)


def _has_challenger(models: pl.DataFrame) -> bool:
    return CHALLENGER in models["state"]


def _reason(drift: Mapping[str, float], least_jaccard: float | None, bound: float) -> str | None:
    drifted = [f"{name} {index:.2f}" for name, index in drift.items() if index >= bound]
    if drifted:
        return f"drift: {', '.join(drifted)} (bound: {bound})"
    if least_jaccard is None:
        return "a segment of the former champion has no customers any more"
    if least_jaccard < TRUSTED:
        return f"a segment of the former champion has a stability of {least_jaccard:.2f} (bound: {TRUSTED})"
    return None
