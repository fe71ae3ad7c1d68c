"""Diagnosis of errors of storage clients: the cause, and a sentence on what to do.

It reads the texts of the object-store client and the codes of Azure Storage. `doctor.py` makes the requests.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from urllib.parse import urlsplit

from cis_assets.storage.addresses import AzureAddress
from cis_assets.storage.credentials import ACCOUNT_KEY, AZURE_CLI, MANAGED_IDENTITY, SAS_TOKEN, Credential, redacted
from cis_assets.storage.timeouts import Timeouts

_CONTRIBUTOR, _READER = "Storage Blob Data Contributor", "Storage Blob Data Reader"
# Permissions of a SAS token: read, create, write, delete, list.
_SAS_TO_WRITE, _SAS_TO_READ = "rcwdl", "rl"

# delta-rs colors its errors if it believes that the output is a terminal.
_COLOR = re.compile(r"\x1b\[\d*m")
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
    """Why a request fails. After a missing permission, other requests may still work."""

    NO_CONTAINER = auto()
    PERMISSION_MISSING = auto()
    OTHER = auto()


@dataclass(frozen=True)
class Diagnosis:
    """The cause of an error, and a sentence on what is wrong and what to do."""

    cause: Cause
    sentence: str


@dataclass(frozen=True)
class Access:
    """How a place in the cloud is reached: its address, credential and timeouts."""

    address: AzureAddress
    credential: Credential
    environment: Mapping[str, str] = field(repr=False)
    timeouts: Timeouts

    @property
    def host(self) -> str:
        """The address of the service, without path and query."""
        default = f"https://{self.address.account}.blob.core.windows.net"
        parts = urlsplit(self.environment.get("AZURE_STORAGE_ENDPOINT") or default)
        return f"{parts.scheme}://{parts.netloc}"


def diagnose_folder(error: Exception, action: str, setting: str) -> Diagnosis:
    """Diagnose an action that failed in a local folder."""
    said = _SYSTEM_ERROR.search(str(error))
    why = said[1].strip() if said else getattr(error, "strerror", None) or _quoted(error, os.environ)
    return Diagnosis(
        Cause.OTHER,
        f"This user cannot {action} there ({why}): grant the permission, or name another folder in {setting}.",
    )


def diagnose(error: Exception, action: str, access: Access, *, to_write: bool) -> Diagnosis:
    """Diagnose an action that failed in the cloud; `to_write` says whether the place needs write access."""
    text = _COLOR.sub("", str(error))
    getting_a_token = _TOKEN_STAGE.search(text) is not None
    asked = _ASKED.search(text)
    host = asked[1] if asked else access.host
    unreachable = _unreachable(text, host, access.timeouts) if _status(text) is None else None
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
        return Diagnosis(Cause.PERMISSION_MISSING, _permission_missing(action, access, to_write=to_write))
    return Diagnosis(Cause.OTHER, f"The storage failed to {action}: {_quoted(error, access.environment)}")


def _unreachable(text: str, host: str, timeouts: Timeouts) -> str | None:
    if "BadScheme" in text or "URL scheme is not allowed" in text:
        return (
            f"{host} would be asked without encryption: give an https:// endpoint "
            "(for an emulator, set AZURE_STORAGE_ALLOW_HTTP=true)."
        )
    if "dns error" in text or "failed to lookup address" in text:
        return f"{host} is not known to DNS: correct the account's name or AZURE_STORAGE_ENDPOINT, or repair the DNS."
    if "ConnectionRefused" in text or "Connection refused" in text:
        return f"{host} refuses connections: correct the endpoint, or open the way through proxy and firewall."
    if "certificate" in text:
        return f"{host} shows a certificate that is not trusted here: look for a proxy on the way, or install it."
    if "Timeout" in text or "TimedOut" in text or "timed out" in text:
        return (
            f"{host} does not answer (waited {timeouts.connect:g} s for a connection, "
            f"{timeouts.answer:g} s for an answer): open the way through firewall and private endpoint."
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
    """Explain why the storage denies access to this credential or to this machine."""
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


def _permission_missing(action: str, access: Access, *, to_write: bool) -> str:
    kind, container = access.credential.kind, access.address.container
    if kind is ACCOUNT_KEY:
        return f"The account key has no permission to {action}: look for a lock or immutability policy of {container}."
    if kind is SAS_TOKEN:
        return f"The SAS token has no permission to {action}: {_make_sas(access, to_write=to_write)}"
    role = _CONTRIBUTOR if to_write else _READER
    return (
        f"The {kind.name} has no permission to {action}: give it the role {role} on {container}, and wait some minutes."
    )


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
    """Quote the beginning of an error's first line, without secrets."""
    lines = redacted(_COLOR.sub("", str(error)), environment).splitlines() or [type(error).__name__]
    return lines[0][:_LONGEST_QUOTE]
