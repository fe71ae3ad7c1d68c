"""What an error of a store's client means for who set the store up: the cause and, in a sentence, what to do.

Belongs here: reading errors of the object-store client and the codes of Azure Storage. Does not belong here: provoking
them (`doctor.py`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from urllib.parse import urlsplit

from cis_assets.settings import settings
from cis_assets.storage.addresses import AzureAddress
from cis_assets.storage.credentials import ACCOUNT_KEY, AZURE_CLI, MANAGED_IDENTITY, SAS_TOKEN, Credential, redacted

_CONTRIBUTOR, _READER = "Storage Blob Data Contributor", "Storage Blob Data Reader"
# Permissions of a SAS token: read, create, write, delete, list.
_SAS_TO_WRITE, _SAS_TO_READ = "rcwdl", "rl"

# delta-rs colours its errors where it takes the output for a terminal.
_COLOUR = re.compile(r"\x1b\[\d*m")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_STATUS = re.compile(r"(?:status code\W+|\(code: )(\d{3})")
_ASKED = re.compile(r"Error performing [A-Z]+ (https?://[^/\s?]+)")
_TOKEN_STAGE = re.compile(r"token request|token response|federated token|az account get-access-token")
_AUTHORITY_CODE = re.compile(r"AADSTS\d+")
_SYSTEM_ERROR = re.compile(r"([A-Z][\w ',-]+) \(os error \d+\)")
_LONGEST_QUOTE = 300

_NOT_SIGNED = {"AuthenticationFailed", "InvalidAuthenticationInfo", "NoAuthenticationInformation"}
_FIREWALL = {"AuthorizationFailure", "AuthorizationSourceIPMismatch"}
_NO_CONTAINER = {"ContainerNotFound", "FilesystemNotFound", "ContainerBeingDeleted", "ContainerDisabled"}
_KEYS_OFF = {"KeyBasedAuthenticationNotPermitted"}
_BAD_NAME = {"InvalidResourceName", "InvalidUri", "OutOfRangeInput"}


class Cause(Enum):
    """What keeps a request from being done: after a missing right alone, others may work."""

    NO_CONTAINER = auto()
    RIGHT_MISSING = auto()
    OTHER = auto()


@dataclass(frozen=True)
class Diagnosis:
    """The cause of an error, and a sentence on what is wrong and what to do."""

    cause: Cause
    sentence: str


@dataclass(frozen=True)
class Access:
    """How a place in the cloud is reached."""

    address: AzureAddress
    credential: Credential
    environment: Mapping[str, str] = field(repr=False)

    @property
    def host(self) -> str:
        """Where the store is asked, without path and query."""
        default = f"https://{self.address.account}.blob.core.windows.net"
        parts = urlsplit(self.environment.get("AZURE_STORAGE_ENDPOINT") or default)
        return f"{parts.scheme}://{parts.netloc}"


def diagnose_folder(error: Exception, doing: str, setting: str) -> Diagnosis:
    """What it means that something cannot be done in a local folder."""
    said = _SYSTEM_ERROR.search(str(error))
    why = said[1].strip() if said else getattr(error, "strerror", None) or _quoted(error, os.environ)
    return Diagnosis(
        Cause.OTHER,
        f"This user cannot {doing} there ({why}): give the right to, or name another folder in {setting}.",
    )


def diagnose(error: Exception, doing: str, access: Access, *, to_write: bool) -> Diagnosis:
    """What it means that `doing` failed; `to_write` says whether the place must be written to."""
    text = _COLOUR.sub("", str(error))
    getting_a_token = _TOKEN_STAGE.search(text) is not None
    asked = _ASKED.search(text)
    host = asked[1] if asked else access.host
    unreachable = _unreachable(text, host) if _status(text) is None else None
    if getting_a_token:
        return Diagnosis(Cause.OTHER, _no_token(error, text, unreachable, access))
    if unreachable:
        return Diagnosis(Cause.OTHER, unreachable)
    refused = _malformed(text) or _refused(text, access, to_write=to_write)
    if refused:
        return Diagnosis(Cause.OTHER, refused)
    code, container = _code(text), access.address.container
    if code in _NO_CONTAINER:
        return Diagnosis(
            Cause.NO_CONTAINER,
            f"The account {access.address.account} has no container {container}: create it, or correct the address.",
        )
    if code in _BAD_NAME:
        return Diagnosis(Cause.NO_CONTAINER, f"No container can be called {container}: correct the address.")
    if _status(text) == 403:
        return Diagnosis(Cause.RIGHT_MISSING, _right_missing(doing, access, to_write=to_write))
    return Diagnosis(Cause.OTHER, f"The store failed to {doing}: {_quoted(error, access.environment)}")


def _unreachable(text: str, host: str) -> str | None:
    now = settings()
    if "BadScheme" in text or "URL scheme is not allowed" in text:
        return (
            f"{host} would be asked without encryption: give an https:// endpoint "
            "(for an emulator, set AZURE_STORAGE_ALLOW_HTTP=true)."
        )
    if "dns error" in text or "failed to lookup address" in text:
        return f"{host} is not known to DNS: correct the account's name or AZURE_STORAGE_ENDPOINT, or mend the DNS."
    if "ConnectionRefused" in text or "Connection refused" in text:
        return f"{host} refuses connections: correct the endpoint, or open the way through proxy and firewall."
    if "certificate" in text:
        return f"{host} shows a certificate that is not trusted here: look for a proxy on the way, or install it."
    if "Timeout" in text or "TimedOut" in text or "timed out" in text:
        return (
            f"{host} does not answer (waited {now.store_connect_timeout_seconds:g} s for a connection, "
            f"{now.store_timeout_seconds:g} s for an answer): open the way through firewall and private endpoint."
        )
    if "kind: Connect" in text or "tcp connect error" in text:
        return f"{host} cannot be reached: look at network, proxy and firewall."
    return None


def _no_token(error: Exception, text: str, unreachable: str | None, access: Access) -> str:
    kind = access.credential.kind
    if "federated token" in text:
        return "The file that AZURE_FEDERATED_TOKEN_FILE names cannot be read: correct the path, or mount the token."
    if kind is AZURE_CLI:
        if "not installed" in text:
            return "There is no command az: install the Azure CLI, or set the variables of another credential."
        return f"The Azure CLI gives no token, run `az login`: {_quoted(error, access.environment)}"
    if kind is MANAGED_IDENTITY:
        if unreachable and not {"IDENTITY_ENDPOINT", "MSI_ENDPOINT"} & set(access.credential.variables):
            return "No variable of a credential is set, and this machine has no managed identity: set those of one."
        if unreachable:
            return f"The endpoint of the managed identity gives no token: {unreachable}"
        return (
            f"The host gives no token of a managed identity (status {_status(text)}): assign one to it, "
            "and name it in AZURE_CLIENT_ID if it is user-assigned."
        )
    if unreachable:
        return f"The authority gives no token: {unreachable}"
    code = _AUTHORITY_CODE.search(text)
    return (
        f"The authority gives no token for the {kind.name} ({code[0] if code else f'status {_status(text)}'}): "
        f"correct {', '.join(kind.options)}, or renew what has expired."
    )


def _malformed(text: str) -> str | None:
    if "Invalid Access Key" in text:
        return "AZURE_STORAGE_ACCOUNT_KEY is no account key: copy key1 or key2 of the account."
    if "SAS query pair" in text or "parsing an SAS key" in text:
        return "AZURE_STORAGE_SAS_TOKEN is no SAS token (sv=...&sp=...&sig=...): copy it whole, and put it in quotes."
    return None


def _refused(text: str, access: Access, *, to_write: bool) -> str | None:
    """Why the store does not let this credential, or anybody from here, in."""
    code, kind, account = _code(text), access.credential.kind, access.address.account
    # The emulator calls a wrong signature by the code that Azure has for its firewall.
    if _status(text) == 401 or code in _NOT_SIGNED or "failed to authenticate" in text:
        if kind is ACCOUNT_KEY:
            return f"The account {account} does not accept the key: copy key1 or key2 again (it may have been rotated)."
        if kind is SAS_TOKEN:
            return (
                f"The account {account} does not accept the SAS token (expired, of another container, or its key was "
                f"rotated): {_make_sas(access, to_write=to_write)}"
            )
        return f"The account {account} does not accept the token of the {kind.name}: take one of the account's tenant."
    if code in _KEYS_OFF:
        return (
            f"The account {account} allows neither keys nor SAS tokens signed with one: "
            "use a client secret, federated token or managed identity."
        )
    if code in _FIREWALL:
        return f"The network rules of the account {account} keep this machine out: add it, or use a private endpoint."
    return None


def _right_missing(doing: str, access: Access, *, to_write: bool) -> str:
    kind, container = access.credential.kind, access.address.container
    if kind is ACCOUNT_KEY:
        return f"The account key has no right to {doing}: look for a lock or immutability policy of {container}."
    if kind is SAS_TOKEN:
        return f"The SAS token has no right to {doing}: {_make_sas(access, to_write=to_write)}"
    role = _CONTRIBUTOR if to_write else _READER
    return f"The {kind.name} has no right to {doing}: give it the role {role} on {container}, and wait some minutes."


def _make_sas(access: Access, *, to_write: bool) -> str:
    letters = _SAS_TO_WRITE if to_write else _SAS_TO_READ
    return f"make one for the container {access.address.container} with the permissions {letters}."


def _code(text: str) -> str | None:
    found = _CODE.search(text)
    return found[1] if found else None


def _status(text: str) -> int | None:
    found = _STATUS.search(text)
    return int(found[1]) if found else None


def _quoted(error: Exception, environment: Mapping[str, str]) -> str:
    """The beginning of an error's first line, without secrets."""
    lines = redacted(_COLOUR.sub("", str(error)), environment).splitlines() or [type(error).__name__]
    return lines[0][:_LONGEST_QUOTE]
