"""Changes of the segment model: a new challenger, and promotion by a person or past a bound of drift or quality."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from cis_assets.catalog import AS_OF_DATE
from cis_assets.segmentation.assignment import place_customers
from cis_assets.segmentation.clusterboot import TRUSTED
from cis_assets.segmentation.drift import measure_drift
from cis_assets.segmentation.model import Training, TrainingOptions, train_segment_model
from cis_assets.segmentation.versions import CHALLENGER, PromotionError, add_challenger, champion, promote

# A champion of fewer customers is that of a shop's first days.
_FEWEST_CUSTOMERS = 40


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
    promote_at_drift: float,
    options: TrainingOptions,
) -> ModelChange:
    """Train a challenger on one snapshot of gold/customer_habits, or promote it.

    With `promotion` (its reason), the waiting challenger is promoted; only if none waits, one is trained first. It serves from
    the day after the snapshot on. Raises PromotionError if the training finds the champion again. Without `promotion`,
    the trained challenger is promoted by itself if the champion was trained on fewer than 40 customers. With `promote_at_drift`
    above 0, it also is if a population stability index of the champion reaches that, or if a segment of the champion has a
    stability under 0.6 on these customers.
    """
    former, training, reason = champion(models), None, promotion
    if promotion is None or not _has_challenger(models):
        training = train_segment_model(habits, models, options)
        version = training.rows["version"][0]
        if version not in models["version"]:
            candidates = pl.concat([candidates.filter(pl.col("version") != version), training.candidates])
        models = add_challenger(models, training.rows)
        is_challenger = version in models.filter(pl.col("state") == CHALLENGER)["version"]
        if promotion is None and is_challenger and former["customer_count"].sum() < _FEWEST_CUSTOMERS:
            reason = f"the former champion was trained on {former['customer_count'].sum()} customers with habits only"
        elif promotion is None and promote_at_drift and is_challenger:
            drift = measure_drift(habits, place_customers(habits, former), former)
            reason = _reason(drift, training.least_former_jaccard, promote_at_drift)
        if promotion is not None and not (is_challenger or former.is_empty()):
            raise PromotionError(
                "There is nothing to promote: the training on the newest snapshot finds the segments of the champion again."
            )
    if reason is not None and _has_challenger(models):
        # The snapshot of the day is made, so the next one is the first that the version can serve.
        models = promote(models, habits[AS_OF_DATE][0] + timedelta(days=1), reason)
    return ModelChange(models, candidates, former, training)


def _has_challenger(models: pl.DataFrame) -> bool:
    return CHALLENGER in models["state"]


def _reason(drift: Mapping[str, float], least_jaccard: float | None, bound: float) -> str | None:
    drifted = [f"{name} {index:.2f}" for name, index in drift.items() if index >= bound]
    if drifted:
        return f"drift: {', '.join(drifted)} (bound: {bound})"
    if least_jaccard is None:
        return "a segment of the former champion has no customers any more, or it has other habits"
    if least_jaccard < TRUSTED:
        return f"a segment of the former champion has a stability of {least_jaccard:.2f} (bound: {TRUSTED})"
    return None
