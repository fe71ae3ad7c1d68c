"""The optional libraries that draw: Altair and vl-convert, of the extra `dashboard`.

Belongs here: importing them when first needed, and the sentence where they are missing. Does not belong here: drawing.
"""

from __future__ import annotations

from types import ModuleType

from cis_assets.errors import OperatorError


class DashboardExtraMissingError(OperatorError):
    """A library of the extra `dashboard` is not installed; the message says how to install it."""


def altair() -> ModuleType:
    """Altair. Raises DashboardExtraMissingError where it is not installed."""
    try:
        import altair
    except ImportError as error:
        raise _missing("altair") from error
    return altair


def vega_bundle() -> str:
    """Vega, Vega-Lite and vega-embed as one JavaScript text that sets `window.vegaEmbed`.

    Its Vega-Lite is the version that Altair writes. Raises DashboardExtraMissingError where a library is missing.
    """
    try:
        import vl_convert
    except ImportError as error:
        raise _missing("vl-convert-python") from error
    version = ".".join(altair().SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    return vl_convert.javascript_bundle(vl_version=version)  # pyright: ignore[reportCallIssue]


def _missing(package: str) -> DashboardExtraMissingError:
    return DashboardExtraMissingError(
        f"The dashboard is drawn with {package}, which is not installed: "
        "pip install customer-intelligence-system[dashboard]"
    )
