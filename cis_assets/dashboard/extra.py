"""Imports the optional libraries of the extra `dashboard`, Altair and vl-convert, on first use."""

from types import ModuleType
from typing import Any

from cis_assets.errors import OperatorError


class DashboardExtraMissingError(OperatorError):
    """A library of the extra `dashboard` is not installed; the message says how to install it."""


def altair() -> ModuleType:
    """Import Altair. Raises DashboardExtraMissingError if it is not installed."""
    try:
        import altair
    except ImportError as error:
        raise _describe_missing("altair") from error
    return altair


def vega_bundle() -> str:
    """JavaScript with Vega, Vega-Lite and vega-embed, which sets `window.vegaEmbed`.

    The version of Vega-Lite is the one that Altair writes. Raises DashboardExtraMissingError if a library is missing.
    """
    return _vl_convert().javascript_bundle(vl_version=_version())


def png(specification: dict[str, Any]) -> bytes:
    """Draw a Vega-Lite specification. Raises DashboardExtraMissingError if a library is missing."""
    return _vl_convert().vegalite_to_png(specification, vl_version=_version())


def _vl_convert() -> ModuleType:
    try:
        import vl_convert
    except ImportError as error:
        raise _describe_missing("vl-convert-python") from error
    return vl_convert


def _version() -> str:
    return ".".join(altair().SCHEMA_VERSION.removeprefix("v").split(".")[:2])


def _describe_missing(package: str) -> DashboardExtraMissingError:
    return DashboardExtraMissingError(
        f"The dashboard needs {package}, which is not installed. Install it with: "
        "pip install customer-intelligence-system[dashboard]"
    )
