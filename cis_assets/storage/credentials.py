"""Credentials of Azure Storage in the environment: their kinds, their variables, and the option names of clients.

The variables have the names that Azure's own tools use. Only clients receive the values.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from cis_assets.errors import OperatorError

_TRUE = {"1", "true", "on", "yes", "y"}
_SECRETS = (
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_CLIENT_SECRET",
    "IDENTITY_HEADER",
    "MSI_SECRET",
)
_QUERY = re.compile(r"\?[^\s\"'<>)\],]+")
_SIGNATURE = re.compile(r"\b(sig=|Bearer |SharedKey [\w-]+:)[^\s&\"'<>)\],]+")


class CredentialError(OperatorError):
    """Some variables of a credential are missing; the message names them."""


@dataclass(frozen=True)
class CredentialKind:
    """A kind of credential: its name in obstore and polars, and the option that each of its variables sets.

    The first variable marks the kind and needs the others.
    """

    name: str
    credential_type: str
    options: Mapping[str, str]

    @property
    def marker(self) -> str:
        return next(iter(self.options))


ACCOUNT_KEY = CredentialKind("account key", "access_key", {"AZURE_STORAGE_ACCOUNT_KEY": "account_key"})
FEDERATED_TOKEN = CredentialKind(
    "federated token",
    "workload_identity",
    {
        "AZURE_FEDERATED_TOKEN_FILE": "federated_token_file",
        "AZURE_CLIENT_ID": "client_id",
        "AZURE_TENANT_ID": "tenant_id",
    },
)
CLIENT_SECRET = CredentialKind(
    "client secret",
    "client_secret",
    {"AZURE_CLIENT_SECRET": "client_secret", "AZURE_CLIENT_ID": "client_id", "AZURE_TENANT_ID": "tenant_id"},
)
SAS_TOKEN = CredentialKind("SAS token", "sas_token", {"AZURE_STORAGE_SAS_TOKEN": "sas_key"})
AZURE_CLI = CredentialKind("Azure CLI", "azure_cli", {"AZURE_STORAGE_USE_AZURE_CLI": "use_azure_cli"})
# The default if nothing else is set. App Service names its endpoint in IDENTITY_ENDPOINT, older hosts in MSI_ENDPOINT;
# without either, the client asks the address of virtual machines.
MANAGED_IDENTITY = CredentialKind(
    "managed identity",
    "managed_identity",
    {"IDENTITY_ENDPOINT": "msi_endpoint", "MSI_ENDPOINT": "msi_endpoint", "AZURE_CLIENT_ID": "client_id"},
)

# The first complete one is used. Clients have the same order, since they read the environment too.
_ORDER = (ACCOUNT_KEY, FEDERATED_TOKEN, CLIENT_SECRET, SAS_TOKEN, AZURE_CLI)
_ASKS_AN_AUTHORITY = (FEDERATED_TOKEN, CLIENT_SECRET)


@dataclass(frozen=True)
class Credential:
    """The credential in use: its kind, its variables, and the markers of other kinds that are set but unused."""

    kind: CredentialKind
    variables: tuple[str, ...]
    unused: tuple[str, ...]
    options: Mapping[str, str] = field(repr=False)


def credential(environment: Mapping[str, str]) -> Credential:
    """Find the credential in the environment; without one, it is a managed identity.

    Raises CredentialError if kinds are incomplete and none is complete.
    """
    values = {name: value for name, value in environment.items() if value.strip()}
    if values.pop(AZURE_CLI.marker, "").lower() in _TRUE:
        values[AZURE_CLI.marker] = "true"
    marked = [kind for kind in _ORDER if values.get(kind.marker)]
    used = next((kind for kind in marked if not _missing(kind, values)), None)
    if used is None and marked:
        raise CredentialError(
            f"{marked[0].marker} is set without {' and '.join(_missing(marked[0], values))}: "
            f"a {marked[0].name} needs {', '.join(marked[0].options)}."
        )
    kind = used or MANAGED_IDENTITY
    options: dict[str, str] = {}
    variables = []
    for name, option in kind.options.items():
        if values.get(name) and option not in options:
            options[option] = values[name]
            variables.append(name)
    if kind in _ASKS_AN_AUTHORITY and values.get("AZURE_AUTHORITY_HOST"):
        # The client appends /TENANT, clusters end the host with a slash, and it may be a bare name.
        host = values["AZURE_AUTHORITY_HOST"].strip().rstrip("/")
        options["authority_host"] = host if "://" in host else f"https://{host}"
        variables.append("AZURE_AUTHORITY_HOST")
    unused = tuple(other.marker for other in marked if other is not kind)
    return Credential(kind, tuple(variables), unused, options)


def redacted(text: str, environment: Mapping[str, str]) -> str:
    """Remove secrets from a text: values of secret variables, signatures, tokens and the queries of addresses."""
    secrets = [environment.get(name, "").strip() for name in _SECRETS]
    pairs = parse_qsl(environment.get(SAS_TOKEN.marker, "").lstrip("?"))
    secrets += [value for name, value in pairs if name == "sig"]
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "...")
    return _SIGNATURE.sub(r"\1...", _QUERY.sub("?...", text))


def _missing(kind: CredentialKind, values: Mapping[str, str]) -> list[str]:
    return [name for name in kind.options if not values.get(name)]
