"""`cis maintain`: small files put together, old ones removed, the log kept short."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import click

from cis_assets.cli.console import Refused, print_json, print_table, say
from cis_assets.settings import settings

if TYPE_CHECKING:
    from cis_assets.catalog import Table

_MB = 1e6


@click.command()
@click.option("--table", "names", multiple=True, help="Table as LAYER/NAME; may be repeated (default: all).")
@click.option(
    "--retention-hours",
    type=click.IntRange(min=0, max=168),
    help="How long a file that is not needed any more is kept (default: CIS_VACUUM_RETENTION_HOURS).",
)
@click.option(
    "--force",
    is_flag=True,
    help="Allow a retention below 24 hours; runs and readers under way would lose files, so there must be none.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def maintain(names: tuple[str, ...], retention_hours: int | None, force: bool, as_json: bool) -> None:
    """Maintain the tables of the lake; the rows stay as they are.

    Small files of a partition are put together, files that no version within the retention needs are removed, and a
    checkpoint is written, so that opening a table reads little. Runs may go on meanwhile. It is a run of the job
    maintain_lake, recorded where the Dagster UI shows it.
    """
    from cis_assets.lake.maintenance import refuse_short_retention

    hours = settings().vacuum_retention_hours if retention_hours is None else retention_hours
    refuse_short_retention(hours, force=force)
    rows, warnings, failures = _run(_wanted(names), hours, force)
    if as_json:
        print_json(rows)
    elif rows:
        _print(rows)
    elif not failures:
        say("There is no table to maintain yet.")
    for warning in warnings:
        click.echo(f"Warning: {warning}", err=True)
    if failures:
        raise Refused(" ".join(failures))


def _wanted(names: tuple[str, ...]) -> list[Table]:
    from cis_assets.catalog import SYSTEM_TABLES, TABLES

    known = TABLES | SYSTEM_TABLES
    unknown = [name for name in names if name not in known]
    if unknown:
        raise Refused(f"--table {unknown[0]} is no table of the lake; they are {', '.join(known)}.")
    return [known[name] for name in names or known]


def _run(tables: list[Table], hours: int, force: bool) -> tuple[list[dict[str, Any]], list[str], list[str]]:
    """Maintain tables in one run: the figures of those that exist, and the sentences of what was left and what failed."""
    from cis_assets.cli.instance import dagster_instance
    from cis_assets.definitions import build_definitions
    from cis_assets.defs.maintenance.jobs import step_name

    config = {"config": {"retention_hours": hours, "force": force}}
    job = build_definitions(settings()).resolve_job_def("maintain_lake")
    with dagster_instance() as instance:
        result = job.execute_in_process(
            instance=instance,
            op_selection=[step_name(table) for table in tables],
            run_config={
                "ops": {step_name(table): config for table in tables},
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
            raise_on_error=False,
        )
        entries = instance.all_logs(result.run_id)
    figures = {
        event.step_key: {name: value.value for name, value in event.step_output_data.metadata.items()}
        for event in result.all_events
        if event.is_successful_output
    }
    rows = [{"table": table.path, **figures[step_name(table)]} for table in tables if figures.get(step_name(table))]
    warnings = [entry.user_message for entry in entries if entry.level == logging.WARNING]
    failures = [_sentence(event.step_failure_data.error) for event in result.all_events if event.is_step_failure]
    return rows, warnings, failures


def _sentence(error: Any) -> str:
    """What was raised in a step, without the name of its class; what a store said beneath it is part of the sentence."""
    raised = error.cause or error
    return raised.message.strip().splitlines()[0].split(": ", 1)[-1]


def _print(rows: list[dict[str, Any]]) -> None:
    from cis_assets.lake.table_condition import format_count

    print_table(
        ["table", "files", "MB", "put together", "removed", "MB removed", "commits to replay"],
        [
            (
                row["table"],
                _change(row["files_before"], row["files"]),
                _change(f"{row['size_bytes_before'] / _MB:,.1f}", f"{row['size_bytes'] / _MB:,.1f}"),
                format_count(row["partitions_rewritten"], "partition") if row["partitions_rewritten"] else "",
                row["removed_files"] or "",
                f"{row['removed_bytes'] / _MB:,.1f}" if row["removed_files"] else "",
                _change(row["commits_since_checkpoint_before"], row["commits_since_checkpoint"]),
            )
            for row in rows
        ],
        right=("files", "MB", "removed", "MB removed", "commits to replay"),
    )


def _change(before: object, after: object) -> str:
    return str(after) if before == after else f"{before} -> {after}"
