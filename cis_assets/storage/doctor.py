"""Checks of the lake and the landing folder: can they be reached, listed, written and read?

The command line prints the checks; `diagnosis.py` explains errors. The file that a check writes is deleted again, and a
credential that may not delete is found before anything is written.
"""

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs

import obstore
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError
from obstore.exceptions import AlreadyExistsError
from obstore.exceptions import BaseError as ObjectStoreError
from obstore.store import LocalStore, ObjectStore

from cis_assets.settings import Settings
from cis_assets.storage.addresses import (
    AzureAddress,
    StorageAddressError,
    azure_address,
    is_local,
    join,
    object_store,
    storage_options,
)
from cis_assets.storage.credentials import SAS_TOKEN, Credential, CredentialError, credential
from cis_assets.storage.diagnosis import Access, Cause, Diagnosis, diagnose, diagnose_folder
from cis_assets.storage.errors import StorageError
from cis_assets.storage.listing import list_files
from cis_assets.storage.timeouts import Timeouts, timeouts_of_process

# The reader of landing files ignores names that begin with an underscore.
_PROBE = "_cis_doctor_"
_STORE_ERRORS = (OSError, ObjectStoreError, DeltaError)

Status = Literal["ok", "remark", "failed"]
Diagnose = Callable[[Exception, str], Diagnosis]
_Step = Callable[[ObjectStore, str, bytes], tuple[Status, str]]
# The action of each step, as it continues "has no permission to ...".
_ACTIONS = {"write": "create files", "put-if-absent": "create a file where there is none", "read": "read files"}
_FILES_COUNTED = 1000
_READING = ("list files", "read files")


@dataclass(frozen=True)
class Place:
    """A place to examine, and the setting that names it."""

    name: str
    setting: str
    uri: str
    to_write: bool


@dataclass(frozen=True)
class Check:
    """One finding about a place: it is fine, worth knowing, or must be fixed first."""

    name: str
    status: Status
    sentence: str


def places(settings: Settings) -> list[Place]:
    return [
        Place("lake", "CIS_LAKE_URI", settings.lake_uri, to_write=True),
        Place("landing", "CIS_LANDING_URI", settings.landing_uri, to_write=False),
    ]


def examine(
    place: Place, environment: Mapping[str, str] = os.environ, timeouts: Timeouts | None = None
) -> Iterator[Check]:
    """Yield each check as soon as it is known, without those that cannot work after a failed one."""
    if is_local(place.uri):
        return _examine_folder(place)
    return _examine_container(place, environment, timeouts or timeouts_of_process())


def _examine_folder(place: Place) -> Iterator[Check]:
    def diagnosed(error: Exception, doing: str) -> Diagnosis:
        return diagnose_folder(error, doing, place.setting)

    path = Path(place.uri)
    try:
        nearest = next(folder for folder in (path, *path.parents) if folder.exists())
    except OSError as error:
        yield Check("folder", "failed", diagnosed(error, "look").sentence)
        return
    if not nearest.is_dir():
        yield Check("folder", "failed", f"{nearest} is a file: name a folder in {place.setting}.")
    elif nearest == path:
        yield Check("folder", "ok", f"{path} exists.")
        store = LocalStore(place.uri)
        yield from _examine_files(place, store, store, diagnosed)
    elif os.access(nearest, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        yield Check("folder", "remark", f"{path} does not exist yet; the first write creates it.")
    else:
        sentence = f"{path} does not exist, and {nearest} may not be written to: create it, or correct {place.setting}."
        yield Check("folder", "failed", sentence)


def _examine_container(place: Place, environment: Mapping[str, str], timeouts: Timeouts) -> Iterator[Check]:
    try:
        address = azure_address(place.uri, environment)
    except StorageAddressError as error:
        yield Check("address", "failed", str(error))
        return
    yield _address_check(address, environment)
    try:
        found = credential(environment)
    except CredentialError as error:
        yield Check("credential", "failed", str(error))
        return
    check = _credential_check(found, environment)
    yield check
    if check.status == "failed":
        return
    access = Access(address, found, environment, timeouts)

    def diagnosed(error: Exception, doing: str) -> Diagnosis:
        return diagnose(error, doing, access, to_write=place.to_write or doing not in _READING)

    try:
        # A check reports the state of this moment, so it does not retry.
        store = object_store(place.uri, environment, timeouts=timeouts, retry=False)
        _list(store)
    except _STORE_ERRORS as error:
        diagnosis = diagnosed(error, "list files")
        if diagnosis.cause is Cause.NO_CONTAINER:
            yield _access_check(access)
            yield Check("container", "failed", diagnosis.sentence)
            return
        if diagnosis.cause is not Cause.PERMISSION_MISSING:
            yield Check("store", "failed", diagnosis.sentence)
            return
        yield _access_check(access)
    else:
        yield _access_check(access)
        yield Check("container", "ok", f"{address.container} exists.")
    yield from _examine_files(place, store, object_store(place.uri, environment, timeouts=timeouts), diagnosed)
    if place.to_write:
        yield _tables_check(place, environment, timeouts, diagnosed)


def _access_check(access: Access) -> Check:
    return Check("store", "ok", f"{access.host} answers and accepts the credential.")


def _address_check(address: AzureAddress, environment: Mapping[str, str]) -> Check:
    where = f"folder {address.path}" if address.path else "at its root"
    sentence = f"Container {address.container} of the account {address.account}, {where}."
    other = environment.get("AZURE_STORAGE_ACCOUNT_NAME", address.account)
    if other not in ("", address.account):
        sentence += f" AZURE_STORAGE_ACCOUNT_NAME names another account and is not used: {other}."
        return Check("address", "remark", sentence)
    return Check("address", "ok", sentence)


def _credential_check(found: Credential, environment: Mapping[str, str]) -> Check:
    variables = ", ".join(found.variables) or "no variable of another kind is set"
    sentence = f"{found.kind.name[0].upper()}{found.kind.name[1:]} ({variables})."
    expired = _expiry(environment) if found.kind is SAS_TOKEN else None
    if expired is not None and expired <= datetime.now(UTC):
        sentence += f" It expired at {expired:%Y-%m-%d %H:%M} UTC: make a new one."
        return Check("credential", "failed", sentence)
    if expired is not None:
        sentence += f" It expires at {expired:%Y-%m-%d %H:%M} UTC."
    if found.unused:
        sentence += f" Set too, and not used: {', '.join(found.unused)}."
        return Check("credential", "remark", sentence)
    return Check("credential", "ok", sentence)


def _expiry(environment: Mapping[str, str]) -> datetime | None:
    """Find the expiry of the SAS token, if it has one that can be parsed."""
    ends = parse_qs(environment[SAS_TOKEN.marker].lstrip("?")).get("se", [""])[0]
    try:
        moment = datetime.fromisoformat(ends)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _tables_check(place: Place, environment: Mapping[str, str], timeouts: Timeouts, diagnosed: Diagnose) -> Check:
    """Check access with delta-rs, which has its own client in another version."""
    try:
        DeltaTable(join(place.uri, _PROBE), storage_options=storage_options(place.uri, environment, timeouts))
    except TableNotFoundError:
        return Check("tables", "ok", "delta-rs, which writes the tables, has access too.")
    except _STORE_ERRORS as error:
        return Check("tables", "failed", diagnosed(error, "look for a table with delta-rs").sentence)
    return Check("tables", "failed", f"There is a table {_PROBE}: remove it.")


def _examine_files(place: Place, store: ObjectStore, patient: ObjectStore, diagnosed: Diagnose) -> Iterator[Check]:
    """Try to list, write and read files; `patient` is a client of the same storage that retries."""
    files: list[str] = []
    try:
        files, more = _list(store, hidden=place.to_write)
        yield Check("list", "ok", _count(len(files), more))
    except _STORE_ERRORS as error:
        yield Check("list", "failed", _find_faults(place, store) or diagnosed(error, "list files").sentence)
    if place.to_write:
        yield from _probe(place, store, patient, diagnosed, {"put-if-absent": _put_if_absent, "read": _read_back})
        return
    if files:
        yield _read_check(store, files[0], diagnosed)
    for check in _probe(place, store, patient, diagnosed, {} if files else {"read": _read_back}):
        if check.name == "write" and check.status == "failed":
            sentence = f"{check.sentence} Reading is enough for runs. `cis land` and `cis forget` must write here."
            yield Check("write", "remark", sentence)
            if not files:
                yield Check("read", "remark", "There is no file yet to try reading on.")
        else:
            yield check


def _find_faults(place: Place, store: ObjectStore) -> str:
    """Name what keeps a local folder from being listed as usual. Empty if it is the storage."""
    if not is_local(place.uri):
        return ""
    try:
        faults = [f"{each.path} {each.fault}." for each in list_files(place.uri, store) if each.fault]
    except StorageError:
        return ""
    return " ".join(faults)


def _read_check(store: ObjectStore, file: str, diagnosed: Diagnose) -> Check:
    try:
        obstore.get_range(store, file, start=0, length=1)
    except _STORE_ERRORS as error:
        return Check("read", "failed", diagnosed(error, "read files").sentence)
    return Check("read", "ok", f"{file} can be read.")


def _probe(
    place: Place, store: ObjectStore, patient: ObjectStore, diagnosed: Diagnose, steps: Mapping[str, _Step]
) -> list[Check]:
    """Write a file of unique bytes, run the steps on it, and delete it, whatever happens."""
    path, content = _PROBE + secrets.token_hex(8), secrets.token_bytes(64)
    try:
        # Permissions are checked before the file is searched: this finds a missing permission to delete in advance.
        obstore.delete(store, path)
    except FileNotFoundError:
        pass
    except _STORE_ERRORS as error:
        sentence = f"{diagnosed(error, 'delete files').sentence} Nothing was written, since it could not be deleted."
        return [Check("write", "failed", sentence)]
    checks: list[Check] = []
    name = "write"
    try:
        obstore.put(store, path, content, mode="create")
        checks.append(Check(name, "ok", "A file can be created."))
        for name, step in steps.items():
            checks.append(Check(name, *step(store, path, content)))
    except _STORE_ERRORS as error:
        checks.append(Check(name, "failed", diagnosed(error, _ACTIONS[name]).sentence))
    finally:
        # Even after a failed write: an error does not mean that nothing was written.
        checks.append(_delete(place, patient, path, diagnosed))
    return checks


def _put_if_absent(store: ObjectStore, path: str, _: bytes) -> tuple[Status, str]:
    try:
        obstore.put(store, path, b"", mode="create")
    except AlreadyExistsError:
        return "ok", "An existing file is not created again. Commits to tables depend on that."
    return "failed", (
        "The storage creates an existing file again, so two commits to a table could replace each other: use another storage."
    )


def _read_back(store: ObjectStore, path: str, content: bytes) -> tuple[Status, str]:
    if bytes(obstore.get(store, path).bytes()) == content:
        return "ok", "The same bytes are read back."
    return "failed", "Other bytes are read back than were written: look for a cache or proxy in front of the store."


def _delete(place: Place, store: ObjectStore, path: str, diagnosed: Diagnose) -> Check:
    try:
        obstore.delete(store, path)
    except FileNotFoundError:
        pass
    except _STORE_ERRORS as error:
        sentence = (
            f"{join(place.uri, path)} may have stayed behind, delete it. {diagnosed(error, 'delete files').sentence}"
        )
        return Check("delete", "failed", sentence)
    return Check("delete", "ok", "The file written for this is deleted.")


def _list(store: ObjectStore, *, hidden: bool = True) -> tuple[list[str], bool]:
    """Name the first files, and say whether there are more. `hidden`: also those that the reader of landing ignores."""
    found: list[str] = []
    for page in obstore.list(store, chunk_size=_FILES_COUNTED):
        paths = (meta["path"] for meta in page if meta["size"])
        found += [path for path in paths if hidden or not any(part.startswith((".", "_")) for part in path.split("/"))]
        if len(found) > _FILES_COUNTED:
            break
    return found, len(found) > _FILES_COUNTED


def _count(files: int, more: bool) -> str:
    if more:
        return f"More than {_FILES_COUNTED:,} files."
    return {0: "No file yet.", 1: "1 file."}.get(files, f"{files:,} files.")
