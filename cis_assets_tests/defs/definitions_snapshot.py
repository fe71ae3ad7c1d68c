"""The definitions as text, to see in a diff what a change does to the asset graph.

`python -m cis_assets_tests.defs.definitions_snapshot` rewrites `definitions.txt`, which `test_definitions.py` compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from cis_assets.definitions import build_definitions
from cis_assets.settings import Settings

STORED = Path(__file__).with_name("definitions.txt")


def render() -> str:
    """Describe the definitions of the default settings, whatever the environment says."""
    definitions = build_definitions(Settings.model_construct(lake_uri="/lake", landing_uri="/landing"))
    repository = definitions.get_repository_def()
    sections = {
        "assets": _assets(definitions),
        "checks": _checks(definitions),
        "jobs": _jobs(repository),
        "schedules": _schedules(repository),
        "sensors": _sensors(repository),
        "resources": _resources(definitions),
    }
    return "\n".join(f"# {title}\n\n" + "".join(f"{line}\n" for line in lines) for title, lines in sections.items())


def _assets(definitions: dg.Definitions) -> Iterator[str]:
    graph = definitions.resolve_asset_graph()
    mappings = {}
    for asset in definitions.resolve_all_asset_specs():
        mappings |= {(asset.key, dep.asset_key): dep.partition_mapping for dep in asset.deps}
    for node in sorted(graph.asset_nodes, key=lambda node: node.key):
        yield node.key.to_user_string()
        yield f"  group {node.group_name}, kinds {', '.join(sorted(node.kinds))}, owners {', '.join(sorted(node.owners))}"
        if node.is_materializable:
            asset = graph.assets_def_for_key(node.key)
            yield f"  io manager {asset.get_io_manager_key_for_asset_key(node.key)}, pool {', '.join(node.pools or ()) or '-'}"
            yield f"  step {asset.node_def.name}, resources {', '.join(sorted(asset.required_resource_keys)) or '-'}"
        if isinstance(node.partitions_def, dg.DailyPartitionsDefinition):
            yield f"  daily from {node.partitions_def.start:%Y-%m-%d} {node.partitions_def.timezone}"
        for parent in sorted(node.parent_keys):
            yield f"  from {parent.to_user_string()}{_describe_mapping(mappings[node.key, parent])}"


def _describe_mapping(mapping: dg.PartitionMapping | None) -> str:
    if isinstance(mapping, dg.TimeWindowPartitionMapping):
        return f" (partitions {mapping.start_offset} to {mapping.end_offset})"
    return "" if mapping is None else f" ({type(mapping).__name__})"


def _checks(definitions: dg.Definitions) -> Iterator[str]:
    graph = definitions.resolve_asset_graph()
    for key in sorted(graph.asset_check_keys, key=lambda key: (key.name, key.asset_key)):
        blocking = " (blocking)" if graph.get_check_spec(key).blocking else ""
        yield f"{key.name} on {key.asset_key.to_user_string()}{blocking}"


def _jobs(repository: dg.RepositoryDefinition) -> Iterator[str]:
    for job in sorted(repository.get_all_jobs(), key=lambda job: job.name):
        if not job.name.startswith("__"):
            yield f"{job.name} {dict(job.tags) or ''}".rstrip()
            yield from (f"  {name}" for name in sorted(node.name for node in job.nodes))


def _schedules(repository: dg.RepositoryDefinition) -> Iterator[str]:
    for schedule in sorted(repository.schedule_defs, key=lambda schedule: schedule.name):
        yield (
            f"{schedule.name}: {schedule.job_name} at {schedule.cron_schedule} {schedule.execution_timezone}, "
            f"{schedule.default_status.value}"
        )


def _sensors(repository: dg.RepositoryDefinition) -> Iterator[str]:
    for sensor in sorted(repository.sensor_defs, key=lambda sensor: sensor.name):
        jobs = ", ".join(target.job_name for target in sensor.targets) or "-"
        yield f"{sensor.name}: {jobs} every {sensor.minimum_interval_seconds} s, {sensor.default_status.value}"


def _resources(definitions: dg.Definitions) -> Iterator[str]:
    for name, resource in sorted((definitions.resources or {}).items()):
        yield f"{name}: {type(resource).__name__}"
        yield from (f"  {field} = {value!r}" for field, value in _fields(resource))


def _fields(resource: dg.ConfigurableResource) -> Iterator[tuple[str, object]]:
    for field in type(resource).model_fields:
        value = getattr(resource, field)
        yield field, type(value).__name__ if isinstance(value, dg.ConfigurableResource) else value


if __name__ == "__main__":
    STORED.write_text(render())
