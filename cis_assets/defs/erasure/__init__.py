"""Erasure: the job that removes customers from the lake."""

import dagster as dg

from cis_assets.defs.erasure.jobs import build_jobs
from cis_assets.settings import Settings


def build(settings: Settings) -> dg.Definitions:
    return dg.Definitions(jobs=build_jobs(settings))
