"""Versions of the segment model: which one serves a day, promotion, and segments that keep their ids.

Training adds a challenger, which serves nothing. Promotion makes it the champion of the days from then on; former champions
keep serving their own days, so an old snapshot can be made again.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from cis_assets.catalog.gold import SEGMENT_MODEL
from cis_assets.errors import OperatorError
from cis_assets.segmentation.centers import SegmentModelError
from cis_assets.segmentation.clustering import count_pairs

CHAMPION, CHALLENGER, RETIRED = "champion", "challenger", "retired"
_SAME = 0.5
# Fewer common customers than this share of both segments together do not continue a segment.
_CONTINUED = 0.25
# Refining the same centers on the same customers again moves them by less.
_EQUAL_CENTERS = 0.001


class PromotionError(OperatorError):
    """There is no version to promote; the message says what to do."""


@dataclass(frozen=True)
class Succession:
    """How new segments follow from old ones: the id and origin of each new one, and what became of old ones that end."""

    ids: tuple[int, ...]
    origins: tuple[str, ...]
    ended: tuple[str, ...]


def champion(models: pl.DataFrame) -> pl.DataFrame:
    """The rows of the champion; none if no version was promoted."""
    return models.filter(pl.col("state") == CHAMPION)


def serving(models: pl.DataFrame, day: date) -> pl.DataFrame:
    """The rows of the version that serves a day: the last promoted one that serves from it or earlier, else the first.

    Raises SegmentModelError if no version was ever promoted.
    """
    promoted = models.drop_nulls("serves_from")
    if promoted.is_empty():
        raise SegmentModelError("gold/segment_model has no promoted version; run `cis train --promote`.")
    order = ["serves_from", "version"]
    since = promoted.filter(pl.col("serves_from") <= day).sort(order)
    version = since["version"][-1] if since.height else promoted.sort(order)["version"][0]
    return promoted.filter(pl.col("version") == version).sort("segment_id")


def number_version(models: pl.DataFrame, trained: pl.DataFrame) -> pl.DataFrame:
    """Add the version to trained rows: that of the champion or challenger with the same snapshot and centers, or a new one."""
    version = int(models["version"].max() or 0) + 1  # pyright: ignore[reportArgumentType]
    for _, known in models.filter(pl.col("state") != RETIRED).group_by("version", maintain_order=True):
        same_day = known["trained_as_of"][0] == trained["trained_as_of"][0]
        if same_day and known.height == trained.height and _have_equal_centers(known, trained):
            version = known["version"][0]
    return trained.select(pl.lit(version, pl.Int32).alias("version"), pl.all())


def _have_equal_centers(known: pl.DataFrame, trained: pl.DataFrame) -> bool:
    values = [np.array(sorted(map(tuple, rows["centroid_values"].to_list()))) for rows in (known, trained)]
    return values[0].shape == values[1].shape and np.allclose(*values, rtol=_EQUAL_CENTERS)


def add_challenger(models: pl.DataFrame, trained: pl.DataFrame) -> pl.DataFrame:
    """Add a trained version; it replaces a challenger that was never promoted, and the first is promoted by itself.

    A version that is known already changes nothing, so training again is safe.
    """
    if trained["version"][0] in models["version"]:
        return models
    waiting = pl.col("state") == CHALLENGER
    known = models.with_columns(pl.when(waiting).then(pl.lit(RETIRED)).otherwise("state").alias("state"))
    added = pl.concat([known, trained.select(models.columns)]) if models.height else trained
    if champion(added).is_empty():
        return promote(added, trained["trained_as_of"][0], "the first version")
    return added


def promote(models: pl.DataFrame, serves_from: date, reason: str) -> pl.DataFrame:
    """Make the challenger the champion of snapshots from `serves_from` on. Raises PromotionError without a challenger."""
    rises, retires = pl.col("state") == CHALLENGER, pl.col("state") == CHAMPION
    if models.filter(rises).is_empty():
        raise PromotionError("gold/segment_model has no challenger; run `cis train` first.")
    state = pl.when(rises).then(pl.lit(CHAMPION)).when(retires).then(pl.lit(RETIRED)).otherwise("state")
    return models.with_columns(
        state.alias("state"),
        pl.when(rises).then(pl.lit(serves_from)).otherwise("serves_from").alias("serves_from"),
        pl.when(rises).then(pl.lit(reason)).otherwise("reason").alias("reason"),
    ).select(SEGMENT_MODEL.dtypes.keys())


def renamed_segments(former: pl.DataFrame, now: pl.DataFrame) -> list[tuple[int, str, str]]:
    """Id, former name and new name of each segment that two versions share under different names."""
    names = former.select("segment_id", former_name="segment_name")
    both = now.select("segment_id", "segment_name").join(names, on="segment_id").sort("segment_id")
    changed = both.filter(pl.col("segment_name") != pl.col("former_name"))
    return list(changed.select("segment_id", "former_name", "segment_name").iter_rows())


def succeed(old_ids: list[int], old: np.ndarray, new: np.ndarray, new_count: int, highest_id: int) -> Succession:
    """Give new segments the ids of old ones, so that as many customers as possible keep theirs.

    `old` and `new` have one place per customer that both versions place: of the old segment in `old_ids`, and of the new
    segment. The pairing is the optimal assignment. A pair counts if at least a quarter of the customers of either are in
    both; other new segments get ids above `highest_id`, which counts retired versions too.
    """
    from scipy.optimize import linear_sum_assignment

    pairs = count_pairs(old, new, len(old_ids), new_count)
    either = pairs.sum(axis=1)[:, None] + pairs.sum(axis=0)[None, :] - pairs
    matched = zip(*linear_sum_assignment(-pairs), strict=True)
    paired = {int(to): int(place) for place, to in matched if pairs[place, to] > _CONTINUED * either[place, to]}
    fresh = iter(range(highest_id + 1, highest_id + 1 + new_count))
    ids = tuple(old_ids[paired[to]] if to in paired else next(fresh) for to in range(new_count))
    taken = set(paired.values())
    origins = tuple(_origin(pairs, to, paired, taken, old_ids) for to in range(new_count))
    ended = tuple(f"{old_ids[place]} {_end(pairs[place], ids)}" for place in range(len(old_ids)) if place not in taken)
    return Succession(ids, origins, ended)


def _origin(pairs: np.ndarray, to: int, paired: dict[int, int], taken: set[int], old_ids: list[int]) -> str:
    column, sizes = pairs[:, to], pairs.sum(axis=1)
    if to in paired:
        merged = [
            str(old_ids[place])
            for place in range(len(old_ids))
            if place not in taken and _is_most(column[place], sizes[place])
        ]
        return f"merged with {', '.join(merged)}" if merged else "continued"
    place = int(column.argmax()) if len(column) else 0
    return f"split from {old_ids[place]}" if len(column) and _is_most(column[place], column.sum()) else "born"


def _end(row: np.ndarray, ids: tuple[int, ...]) -> str:
    to = int(row.argmax())
    return f"merged into {ids[to]}" if _is_most(row[to], row.sum()) else "ended"


def _is_most(part: int, whole: int) -> bool:
    return whole > 0 and part / whole >= _SAME
