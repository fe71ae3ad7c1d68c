"""The variables that the client of a model reads: what every request would meet is found before the first one.

Sentences name the variable and never its value.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from cis_assets.http_addresses import find_address_fault, find_text_fault
from cis_assets.notifications.wording import WriterError

KEY = "OPENAI_API_KEY"
ADDRESS = "OPENAI_BASE_URL"
_HEADERS = (KEY, "OPENAI_ORG_ID", "OPENAI_PROJECT_ID")
_MORE_HEADERS = "OPENAI_CUSTOM_HEADERS"
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_CERTIFICATES = {"SSL_CERT_FILE": Path.is_file, "SSL_CERT_DIR": Path.is_dir}


def check_environment() -> None:
    """Raise WriterError with a sentence for each variable of this process that no request could be made with."""
    faults = [*find_faults(os.environ)] or [*_try_client()]
    if faults:
        raise WriterError(" ".join(faults))


def find_faults(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each variable that no request could be made with."""
    if not environment.get(KEY, "").strip():
        yield f"CIS_WRITER=openai needs a key, but {KEY} is not set; set it, or use CIS_WRITER=template."
    for name in _HEADERS:
        value = environment.get(name, "")
        fault = find_text_fault(value) or (None if value.isascii() else "has a character that is not ASCII")
        if value.strip() and fault:
            yield f"{name} {fault}; set it to the bare value."
    more = environment.get(_MORE_HEADERS, "")
    if not (more.isascii() and more.replace("\n", "").isprintable()):
        yield f"{_MORE_HEADERS} has a character that no header may have; write one `Name: value` per line in ASCII."
    address = environment.get(ADDRESS)
    if address is not None and not address.strip():
        yield f"{ADDRESS} is empty; remove it to use OpenAI's server, or set it to the address of a compatible one."
    elif address is not None and (fault := find_address_fault(address)):
        yield f"{ADDRESS} {fault}; set it to an address such as http://localhost:8000/v1."
    yield from _find_proxy_faults(environment)
    for name, exists in _CERTIFICATES.items():
        if environment.get(name) and not exists(Path(environment[name])):
            yield f"{name} names nothing that exists; correct or remove it."


def _find_proxy_faults(environment: Mapping[str, str]) -> Iterator[str]:
    if "*" in map(str.strip, _read(environment, "no_proxy")[1].split(",")):
        # No request uses a proxy.
        return
    for lower in _PROXIES:
        name, value = _read(environment, lower)
        if not value:
            continue
        address = value if "://" in value else f"http://{value}"
        fault = find_address_fault(address, schemes=("http", "https", "socks5", "socks5h"), credentials=True)
        if fault:
            yield f"{name} {fault}; set it to the address of a proxy, or remove it."
        elif address.startswith("socks") and find_spec("socksio") is None:
            yield f"{name} names a SOCKS proxy, which needs the package socksio; install it, or use an HTTP proxy."


def _read(environment: Mapping[str, str], lower: str) -> tuple[str, str]:
    """The variable that counts, with its value: the one in small letters comes first."""
    name = lower if lower in environment else lower.upper()
    return name, environment.get(name, "")


def _try_client() -> Iterator[str]:
    """Let the HTTP client read the variables of this process that are not judged here."""
    import httpx2

    try:
        with httpx2.Client():
            return
    except (ValueError, OSError, ImportError, httpx2.InvalidURL) as error:
        names = " or ".join(name for name in _CERTIFICATES if os.environ.get(name)) or "the proxies of the environment"
        yield f"The HTTP client cannot use {names} ({type(error).__name__}); correct or remove it."
