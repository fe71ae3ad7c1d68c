"""`cis maintain`: compact small files, remove old ones, and shorten the logs of tables."""

from typing import Any

import click

from cis_assets.cli.console import Refused, json_option, note, plural, print_json, print_table, say, with_settings
from cis_assets.settings import Settings

_MB = 1e6


@click.command()
@click.option("--table", "names", multiple=True, help="Table as LAYER/NAME; may be repeated (default: all).")
@click.option(
    "--retention-hours",
    type=click.IntRange(min=0, max=168),
    help="Hours for which unneeded files are kept (default: CIS_VACUUM_RETENTION_HOURS).",
)
@click.option(
    "--force",
    is_flag=True,
    help="Allow a retention below 24 hours. Stop all runs and readers first: they would lose files.",
)
@json_option
@with_settings
def maintain(
    settings: Settings, names: tuple[str, ...], retention_hours: int | None, force: bool, as_json: bool
) -> None:
    """Maintain the tables of the lake. Their rows stay the same.

    Compacts the small files of each partition, removes files that no version within the retention needs, and writes a
    checkpoint, so that a table opens fast. Runs may continue meanwhile. The Dagster UI shows a run of the job
    maintain_lake.
    """
    from cis_assets.catalog import SYSTEM_TABLES, TABLES
    from cis_assets.cli.runs import run_job
    from cis_assets.definitions import build_definitions
    from cis_assets.defs.maintenance import step_name
    from cis_assets.lake.maintenance import refuse_short_retention

    hours = settings.vacuum_retention_hours if retention_hours is None else retention_hours
    refuse_short_retention(hours, force=force)
    known = TABLES | SYSTEM_TABLES
    unknown = [name for name in names if name not in known]
    if unknown:
        raise Refused(f"--table {unknown[0]} is no table of the lake. The tables are {', '.join(known)}.")
    steps = {step_name(known[name]): name for name in names or known}
    result, warnings, failures = run_job(
        build_definitions(settings).resolve_job_def("maintain_lake"),
        op_selection=list(steps),
        ops={step: {"config": {"retention_hours": hours, "force": force}} for step in steps},
    )
    figures = {
        event.step_key: {name: value.value for name, value in event.step_output_data.metadata.items()}
        for event in result.all_events
        if event.is_successful_output
    }
    rows = [{"table": name, **figures[step]} for step, name in steps.items() if figures.get(step)]
    if as_json:
        print_json(rows)
    elif rows:
        _print(rows)
    elif not failures:
        say("There is no table to maintain yet.")
    for warning in warnings:
        note(f"Warning: {warning}")
    if failures:
        raise Refused(" ".join(failures))


def _print(rows: list[dict[str, Any]]) -> None:
    columns = ["files", "MB", "removed", "MB removed", "commits to replay"]
    print_table(
        ["table", *columns[:2], "compacted", *columns[2:]],
        [
            (
                row["table"],
                _change(row["files_before"], row["files"]),
                _change(f"{row['size_bytes_before'] / _MB:,.1f}", f"{row['size_bytes'] / _MB:,.1f}"),
                plural(row["partitions_rewritten"], "partition") if row["partitions_rewritten"] else "",
                row["removed_files"] or "",
                f"{row['removed_bytes'] / _MB:,.1f}" if row["removed_files"] else "",
                _change(row["commits_since_checkpoint_before"], row["commits_since_checkpoint"]),
            )
            for row in rows
        ],
        right=columns,
    )


def _change(before: object, after: object) -> str:
    return str(after) if before == after else f"{before} -> {after}"
