"""The Dagster definitions of the platform, built from settings. `workspace.yaml` loads `defs`."""

from typing import Any

import dagster as dg

from cis_assets.defs import (
    alerts,
    copy_checks,
    customers,
    dashboard,
    erasure,
    freshness,
    ingest,
    maintenance,
    notifications,
    predictions,
    quality,
    snapshot_checks,
)
from cis_assets.defs.resources import build_resources
from cis_assets.settings import Settings, read_settings

CAPABILITIES = (
    ingest,
    quality,
    snapshot_checks,
    customers,
    predictions,
    notifications,
    copy_checks,
    dashboard,
    freshness,
    maintenance,
    erasure,
    alerts,
)


def build_definitions(settings: Settings | None = None, **overrides: Any) -> dg.Definitions:
    """Build all assets, checks, jobs, schedules, sensors and resources.

    Without `settings`, the environment is read. `overrides` replace single settings by their field name, for example
    `build_definitions(first_order_date=date(2025, 1, 1))`. Definitions of different settings can live side by side.
    """
    unknown = overrides.keys() - Settings.model_fields.keys()
    if unknown:
        raise TypeError(f"build_definitions() got overrides that are not settings: {', '.join(sorted(unknown))}.")
    if settings is None or overrides:
        settings = read_settings(**dict(settings or ()) | overrides)
    return dg.Definitions.merge(
        dg.Definitions(resources=build_resources(settings), executor=dg.in_process_executor),
        *(capability.build(settings) for capability in CAPABILITIES),
    )


defs = build_definitions()
