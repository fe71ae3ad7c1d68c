"""Versions of trained models as rows of gold/prediction_models."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

import numpy as np
import polars as pl

from cis_assets.catalog.gold import PREDICTION_MODELS
from cis_assets.predictions.trees import TREE_COLUMNS, StoredTreesError, Trees

NEXT_ORDER, NEXT_BASKET = "next_order", "next_basket"
LEARNED, RANKER = "learned", "ranker"
LEARNED_METHODS = (LEARNED, RANKER)
"""Methods that are trained; all others are baselines."""


def version_of_day(models: pl.DataFrame, task: str, day: date) -> pl.DataFrame:
    """The rows of the version that predicts a day: the newest trained on or before it, else the first. Empty: no version."""
    of_task = models.filter(pl.col("task") == task)
    trained = of_task["trained_as_of"]
    known = trained.filter(trained <= day)
    version = known.max() if len(known) else trained.min()
    return of_task.clear() if version is None else of_task.filter(pl.col("trained_as_of") == version)


def versions_of_days(models: pl.DataFrame, task: str, days: Sequence[date]) -> list[tuple[pl.DataFrame, list[date]]]:
    """The days, ascending, in spans that one version predicts, each with the rows of the version."""
    versions = [(version_of_day(models, task, day), day) for day in days]
    spans = groupby(versions, key=lambda each: each[0]["trained_as_of"].first())
    return [(span[0][0], [day for _, day in span]) for _, each in spans if (span := list(each))]


def with_training(stored: pl.DataFrame, made: pl.DataFrame, day: date) -> pl.DataFrame:
    """Stored rows of gold/prediction_models or gold/model_evaluations, with those of one training in place of its day's."""
    others = stored.filter(pl.col("trained_as_of") != day)
    return pl.concat([others, made]).sort("trained_as_of", maintain_order=True)


def serving_baselines(models: pl.DataFrame) -> list[str]:
    """What each task is served by, as one sentence each, unless a trained model serves all of its forecasts."""
    said = []
    for task in (NEXT_ORDER, NEXT_BASKET):
        newest = version_of_day(models, task, date.max)
        if newest.is_empty():
            said.append(f"{task}: the orders are too few to train a model.")
            continue
        methods = [method for method in newest["served"][0] if method not in LEARNED_METHODS]
        if methods:
            said.append(f"{task}: {' and '.join(methods)} of {newest['trained_as_of'][0]}, because no model is better.")
    return said


def number_row(part: str, values: Iterable[float], ids: Iterable[int] = ()) -> dict[str, Any]:
    """A part that is a list of numbers, and the product families that they belong to."""
    empty = {name: [] for name in TREE_COLUMNS if name != "tree"}
    return {"part": part, "tree": -1, **empty, "value": list(values), "ids": list(ids)}


def tree_rows(part: str, trees: Trees) -> list[dict[str, Any]]:
    """A part that is a set of trees."""
    return [{"part": part, "ids": [], **row} for row in trees.rows().iter_rows(named=True)]


def version_rows(
    task: str, trained_as_of: date, served: Sequence[str], features: Sequence[str], parts: Iterable[Mapping[str, Any]]
) -> pl.DataFrame:
    """The rows of one version: what `number_row` and `tree_rows` gave, and what they share."""
    shared = {"task": task, "trained_as_of": trained_as_of, "served": list(served), "features": list(features)}
    return pl.DataFrame([{**shared, **part} for part in parts], schema=dict(PREDICTION_MODELS.dtypes))


@dataclass(frozen=True)
class StoredVersion:
    """The parts of one version. Reading a part that is missing or damaged raises StoredTreesError."""

    rows: pl.DataFrame

    @classmethod
    def read(cls, rows: pl.DataFrame, features: Sequence[str]) -> StoredVersion:
        """Refuse a version that was trained on other features than this release has."""
        if rows.is_empty() or any(names != list(features) for names in rows["features"].unique().to_list()):
            raise StoredTreesError(
                "The stored model in gold/prediction_models has other features. Run `cis train --predictions`."
            )
        return cls(rows)

    @property
    def trained_as_of(self) -> date:
        return self.rows["trained_as_of"][0]

    def served(self, count: int, methods: Collection[str]) -> list[str]:
        """The methods that serve: `count` of those that the version has."""
        found = self.rows["served"].unique().to_list()
        if len(found) != 1 or len(found[0] or ()) != count or not set(found[0]) <= set(methods):
            raise damaged_part("The list of served methods")
        return found[0]

    def has(self, prefix: str) -> bool:
        """Whether the version has a part whose name starts with the prefix."""
        return self.rows["part"].str.starts_with(prefix).any()

    def numbers(self, part: str, size: int | None = None) -> list[float]:
        """The finite numbers of a part, and `size` of them if it is given."""
        found = self._list(part, "value")
        if not np.isfinite(found).all() or size not in (None, len(found)):
            raise damaged_part(part)
        return found

    def ids(self, part: str) -> list[int]:
        return self._list(part, "ids")

    def trees(self, part: str) -> Trees:
        return Trees.of_rows(self.rows.filter(pl.col("part") == part), len(self.rows["features"][0]))

    def _list(self, part: str, column: str) -> list[Any]:
        found = self.rows.filter(pl.col("part") == part)[column].to_list()
        if len(found) != 1:
            raise StoredTreesError(
                f"The stored model in gold/prediction_models lacks {part}, or has it twice. Run `cis train --predictions`."
            )
        if found[0] is None or None in found[0]:
            raise damaged_part(part)
        return found[0]


def damaged_part(part: str) -> StoredTreesError:
    return StoredTreesError(
        f"{part} of the stored model in gold/prediction_models is damaged. Run `cis train --predictions`."
    )
