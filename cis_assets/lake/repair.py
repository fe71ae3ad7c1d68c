"""Repairs of damaged tables. Each brings back what is whole, and names what is gone and how to make it again."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

import obstore
from deltalake import DeltaTable

from cis_assets.catalog import Table
from cis_assets.dates import neighbouring_ranges
from cis_assets.errors import OperatorError
from cis_assets.lake.damage import Damage, Kind, find_damage, find_damage_now, list_sizes, way_back
from cis_assets.lake.delta_table import connect
from cis_assets.lake.engines.engine import TableLocation
from cis_assets.lake.lake import Lake
from cis_assets.lake.log_files import HINT, LOG, list_data_files, list_log, read_changes
from cis_assets.lake.table_versions import (
    TableDamagedError,
    accept_table,
    prepare_to_write,
    read_known_version,
    settle,
    sync_checkpoint,
    sync_folders,
)
from cis_assets.storage.addresses import is_local, join, object_store
from cis_assets.storage.errors import storage_errors

MOVED_ASIDE = "moved_aside"
_TORN = ".torn"
# A table has few kinds of damage; a repair that does not end would be an error of the program.
_MOST_REPAIRS = 10
_COMMANDS_NAMED = 5
_DAY = re.compile(r"=(\d{4}-\d\d-\d\d)/")


class RepairError(OperatorError):
    """The damage cannot be repaired from what is left."""


def accept_whole_table(location: TableLocation) -> int | None:
    """Take a table as it is now, and return its version; None if there is no table now.

    Raises RepairError if it has damage that keeps it from being read.
    """
    log = list_log(location)
    damage = find_damage_now(location, log)
    if damage:
        raise RepairError(f"{location.name} cannot be accepted: {damage[0]}. {way_back(location, damage[0])}")
    return accept_table(location)


def repair(lake: Lake, table: Table, *, deep: bool = False) -> list[str]:
    """Repair a table; return a sentence for each thing that was done, none for a whole table.

    Raises RepairError if only a backup helps.
    """
    location = lake.location(table)
    done: list[str] = []
    for _ in range(_MOST_REPAIRS):
        damage = find_damage(location, deep=deep)
        if not damage:
            return done
        done.append(_repair_first(lake, table, location, damage))
    raise RepairError(f"{table.path} is still damaged: {damage[0]}. Restore its folder from a backup.")


def _repair_first(lake: Lake, table: Table, location: TableLocation, damage: list[Damage]) -> str:
    # The repair of a log takes the version that the table has then, so a shorter log is no damage any more.
    first = min(damage, key=lambda each: (each.kind is Kind.SHORTER, each.kind.value, each.version))
    with storage_errors(f"Repairing {table.path}"):
        if first.kind in (Kind.REMEMBERED_VERSION, Kind.SHORTER):
            raise RepairError(f"{table.path}: {first}. {way_back(location, first)}")
        if first.kind is Kind.LOG_LOST:
            return _start_again(lake, table, location, first)
        if first.kind is Kind.CHECKPOINT:
            return _replace_checkpoint(location, [each for each in damage if each.kind is Kind.CHECKPOINT])
        if first.kind is Kind.COMMIT:
            return _roll_back(table, location, first)
        return _drop_files(table, location, damage)


def _start_again(lake: Lake, table: Table, location: TableLocation, damage: Damage) -> str:
    """Move a table without a log aside."""
    files = list_sizes(location)
    days = _find_days(files)
    aside = move_table_aside(lake, table, files) if files else ""
    accept_table(location)
    what = f"the table was moved to {aside}" if aside else "nothing of the table was left"
    then = " The next `cis forget` deletes what was moved." if aside else ""
    return f"{damage}: {what}. {_how_to_make_again(table, days)}{then}"


def _replace_checkpoint(location: TableLocation, damage: list[Damage]) -> str:
    for each in damage:
        if each.file != HINT:
            _set_aside(location, each.file)
    _set_aside(location, HINT)
    log = list_log(location)
    lacking = [version for version in log.replayed if version not in log.commits]
    if lacking:
        return f"{damage[0]}: it was renamed, out of the log."
    connect(location).create_checkpoint()
    sync_checkpoint(location)
    return f"{damage[0]}: a new checkpoint was written. No row is lost."


def _roll_back(table: Table, location: TableLocation, damage: Damage) -> str:
    """Set the damaged commit and all later ones aside."""
    log = list_log(location)
    first = damage.version
    commits = [version for version in log.commits if version >= first]
    for version in reversed(commits):
        _set_aside(location, f"{LOG}/{version:020}.json")
    accept_table(location)
    # A damaged commit does not name its files. These are the ones that no remaining commit knows.
    known = set(list_data_files(connect(location)))
    for version in list_log(location).commits:
        known |= read_changes(location, version).removed
    days = _find_days(path for path in list_sizes(location) if path.endswith(".parquet") and path not in known)
    return (
        f"{damage}: the table was rolled back to version {first - 1}, and its later commits were renamed, out of the log. "
        f"{_how_to_make_again(table, days)}"
    )


def _drop_files(table: Table, location: TableLocation, damage: list[Damage]) -> str:
    """Remove damaged data files from the log. What is left of a file is deleted, so that nothing reads it again."""
    try:
        read_known_version(location)
    except TableDamagedError:
        accept_table(location)
    prepare_to_write(location)
    store = object_store(location.uri, timeouts=location.timeouts)
    obstore.delete(store, [each.file for each in damage if each.what != "is missing"])
    DeltaTable(location.uri, storage_options=dict(location.storage_options)).repair(dry_run=False)
    settle(location)
    return (
        f"{len(damage):,} damaged data files were removed from the log ({damage[0]}), and their rows are gone. "
        f"{_how_to_make_again(table, _find_days(each.file for each in damage))}"
    )


def _set_aside(location: TableLocation, file: str) -> None:
    """Rename a file of the log, so that no reader takes it for one. Erasure and maintenance remove it later."""
    store = object_store(location.uri, timeouts=location.timeouts)
    try:
        obstore.rename(store, file, f"{file}{_TORN}")
    except FileNotFoundError:
        return
    sync_folders(location)


def move_table_aside(lake: Lake, table: Table, files: Iterable[str]) -> str:
    """Move the files of a table below `moved_aside/` in the lake, and return their new address."""
    aside = f"{MOVED_ASIDE}/{table.path}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    if is_local(lake.uri):
        source, target = Path(lake.uri, table.path), Path(lake.uri, aside)
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)
        lake.sync([target.parent, source.parent])
    else:
        store = object_store(lake.uri, timeouts=lake.timeouts)
        for file in files:
            obstore.rename(store, f"{table.path}/{file}", f"{aside}/{file}")
    return join(lake.uri, aside)


def _find_days(paths: Iterable[str]) -> list[date]:
    return sorted({date.fromisoformat(found) for path in paths for found in _DAY.findall(path)})


def _how_to_make_again(table: Table, days: list[date]) -> str:
    """Name the commands that make the rows of days, or of the whole table, again."""
    spans = list(neighbouring_ranges(days))
    if table.layer == "gold":
        commands = [f"`cis snapshot {day}`" for day in days] or ["`cis snapshot`"]
    else:
        commands = [f"`cis backfill --from {span.first} --to {span.last}`" for span in spans] or ["`cis backfill`"]
    further = len(commands) - _COMMANDS_NAMED
    dates = f" of {', '.join(map(str, spans[:_COMMANDS_NAMED]))}" if spans else ""
    return f"Make the rows{dates} again with {', '.join(commands[:_COMMANDS_NAMED])}" + (
        f", and {further:,} more." if further > 0 else "."
    )
