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
_NO_CONTAINER = {"ContainerNotFound", "FilesystemNotFound", "ContainerBeingDeleted", "ContainerDisabled"}
_BAD_NAME = {"InvalidResourceName", "InvalidUri", "OutOfRangeInput"}

# What a text shows -> the sentence. The first that is found counts.
_UNREACHABLE = {
    "BadScheme|URL scheme is not allowed": "{host} would be asked without encryption: give an https:// endpoint "
    "(for an emulator, set AZURE_STORAGE_ALLOW_HTTP=true).",
    "dns error|failed to lookup address": "{host} is not known to DNS: correct the account's name or "
    "AZURE_STORAGE_ENDPOINT, or repair the DNS.",
    "ConnectionRefused|Connection refused": "{host} refuses connections: correct the endpoint, or open the way through "
    "proxy and firewall.",
    "certificate": "{host} shows a certificate that is not trusted here: look for a proxy on the way, or install it.",
    "Timeout|TimedOut|timed out": "{host} does not answer (waited {timeouts.connect:g} s for a connection, "
    "{timeouts.answer:g} s for an answer): open the way through firewall and private endpoint.",
    "kind: Connect|tcp connect error": "{host} cannot be reached: look at network, proxy and firewall.",
}
_MALFORMED = {
    "Invalid Access Key": "AZURE_STORAGE_ACCOUNT_KEY is no account key: copy key1 or key2 of the account.",
    "SAS query pair|parsing an SAS key": "AZURE_STORAGE_SAS_TOKEN is no SAS token (sv=...&sp=...&sig=...): copy it whole, "
    "and put it in quotes.",
}
_NETWORK_RULES = "The network rules of the account {account} keep this machine out: add it, or use a private endpoint."
# Codes of Azure Storage that deny access to this credential or to this machine.
_REFUSED = {
    "KeyBasedAuthenticationNotPermitted": "The account {account} allows neither keys nor SAS tokens signed with one: "
    "use a client secret, federated token or managed identity.",
    "AuthorizationFailure": _NETWORK_RULES,
    "AuthorizationSourceIPMismatch": _NETWORK_RULES,
}
# Kind of credential -> the sentence; None: any other kind.
_NOT_ACCEPTED = {
    ACCOUNT_KEY.name: "The account {account} does not accept the key: copy key1 or key2 again (it may have been rotated).",
    SAS_TOKEN.name: "The account {account} does not accept the SAS token (expired, of another container, or its key was "
    "rotated): make one for the container {container} with the permissions {letters}.",
    None: "The account {account} does not accept the token of the {kind}: take one of the account's tenant.",
}
_NOT_PERMITTED = {
    ACCOUNT_KEY.name: "The account key has no permission to {action}: look for a lock or immutability policy of {container}.",
    SAS_TOKEN.name: "The SAS token has no permission to {action}: make one for the container {container} with the "
    "permissions {letters}.",
    None: "The {kind} has no permission to {action}: give it the role {role} on {container}, and wait some minutes.",
}


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
    why = said[1].strip() if said else getattr(error, "strerror", None) or _quote(error, os.environ)
    return Diagnosis(
        Cause.OTHER,
        f"This user cannot {action} there ({why}): grant the permission, or name another folder in {setting}.",
    )


def diagnose(error: Exception, action: str, access: Access, *, to_write: bool) -> Diagnosis:
    """Diagnose an action that failed in the cloud; `to_write` says whether the place needs write access."""
    text = _COLOR.sub("", str(error))
    status, code, asked = _first(_STATUS, text), _first(_CODE, text), _first(_ASKED, text)
    unreachable = None
    if status is None:
        unreachable = _look_up(_UNREACHABLE, text, host=asked or access.host, timeouts=access.timeouts)
    if _TOKEN_STAGE.search(text):
        return Diagnosis(Cause.OTHER, _explain_missing_token(error, text, status, unreachable, access))
    broken = unreachable or _look_up(_MALFORMED, text)
    if broken:
        return Diagnosis(Cause.OTHER, broken)
    cause, kind = Cause.OTHER, access.credential.kind.name
    # The emulator calls a wrong signature by the code that Azure has for its firewall.
    if status == "401" or code in _NOT_SIGNED or "failed to authenticate" in text:
        template = _NOT_ACCEPTED.get(kind, _NOT_ACCEPTED[None])
    elif code in _REFUSED:
        template = _REFUSED[code]
    elif code in _NO_CONTAINER:
        cause = Cause.NO_CONTAINER
        template = "The account {account} has no container {container}: create it, or correct the address."
    elif code in _BAD_NAME:
        cause, template = Cause.NO_CONTAINER, "No container can be called {container}: correct the address."
    elif status == "403":
        cause, template = Cause.PERMISSION_MISSING, _NOT_PERMITTED.get(kind, _NOT_PERMITTED[None])
    else:
        template = "The storage failed to {action}: {quote}"
    sentence = template.format(
        action=action,
        account=access.address.account,
        container=access.address.container,
        kind=kind,
        letters=_SAS_TO_WRITE if to_write else _SAS_TO_READ,
        role=_CONTRIBUTOR if to_write else _READER,
        quote=_quote(error, access.environment),
    )
    return Diagnosis(cause, sentence)


def _explain_missing_token(
    error: Exception, text: str, status: str | None, unreachable: str | None, access: Access
) -> str:
    kind = access.credential.kind
    if "federated token" in text:
        return "The file that AZURE_FEDERATED_TOKEN_FILE names cannot be read: correct the path, or mount the token."
    if kind is AZURE_CLI:
        if "not installed" in text:
            return "There is no command az: install the Azure CLI, or set the variables of another credential."
        return f"The Azure CLI gives no token, run `az login`: {_quote(error, access.environment)}"
    if kind is MANAGED_IDENTITY:
        if unreachable and not {"IDENTITY_ENDPOINT", "MSI_ENDPOINT"} & set(access.credential.variables):
            return "No variable of a credential is set, and this machine has no managed identity: set those of one."
        if unreachable:
            return f"The endpoint of the managed identity gives no token: {unreachable}"
        return (
            f"The host gives no token of a managed identity (status {status}): assign one to it, "
            "and name it in AZURE_CLIENT_ID if it is user-assigned."
        )
    if unreachable:
        return f"The authority gives no token: {unreachable}"
    code = _AUTHORITY_CODE.search(text)
    return (
        f"The authority gives no token for the {kind.name} ({code[0] if code else f'status {status}'}): "
        f"correct {', '.join(kind.options)}, or renew what has expired."
    )


def _look_up(sentences: Mapping[str, str], text: str, **facts: object) -> str | None:
    found = (sentence for pattern, sentence in sentences.items() if re.search(pattern, text))
    return next((sentence.format(**facts) for sentence in found), None)


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return found[1] if found else None


def _quote(error: Exception, environment: Mapping[str, str]) -> str:
    """Quote the beginning of an error's first line, without secrets."""
    lines = redacted(_COLOR.sub("", str(error)), environment).splitlines() or [type(error).__name__]
    return lines[0][:_LONGEST_QUOTE]
