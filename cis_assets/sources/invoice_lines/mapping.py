"""The mapping file of `cis land lines`: the meaning of each column, and how values are written.

Mappings in the folder `mappings/` ship with the package and are known by name. Does not belong here: what is done with
the lines (`orders.py`).
"""

import codecs
import tomllib
from collections.abc import Callable
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

import polars as pl
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from cis_assets.errors import OperatorError

_SHIPPED = files("cis_assets.sources.invoice_lines") / "mappings"
_ENDING = ".toml"
# An afternoon, to detect a 12-hour format without AM or PM.
_SOME_TIME = datetime(2001, 2, 3, 16, 5)  # noqa: DTZ001

IdRule = Literal["hash", "number"]
Text = Annotated[str, Field(min_length=1)]
# A single text is accepted as a list of one.
Texts = Annotated[tuple[str, ...], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]


class InvoiceLinesError(OperatorError):
    """A mapping is wrong, or does not fit a file of invoice lines. The message names the file, column and key."""


def _require(holds: Callable[[str], bool], fault: str) -> AfterValidator:
    """Validate a text, or each of several texts; {0} in the fault is the text."""

    def refuse_others(value: Any) -> Any:
        for text in value if isinstance(value, tuple) else (value,):
            if not holds(text):
                raise ValueError(fault.format(text))
        return value

    return AfterValidator(refuse_others)


def _is_encoding(name: str) -> bool:
    try:
        codecs.lookup(name)
    except LookupError:
        return False
    return True


def _has_date_and_hour(form: str) -> bool:
    try:
        read = pl.Series([_SOME_TIME]).dt.strftime(form).str.to_datetime(form, strict=False)[0]
    except pl.exceptions.PolarsError:
        return False
    return read is not None and (read.date(), read.hour) == (_SOME_TIME.date(), _SOME_TIME.hour)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Files(_Part):
    """How the files are written. Several encodings are tried in this order, until one fits the whole file."""

    encoding: Annotated[
        Texts,
        Field(min_length=1, strict=False),
        _require(_is_encoding, "{0!r} is not an encoding that Python knows"),
    ] = ("utf-8",)
    delimiter: Annotated[
        str,
        _require(
            lambda text: len(text) == 1 and text not in '"\r\n',
            "must be one character, but not a quote or a line end",
        ),
    ] = ","
    decimal: Literal[".", ","] = "."
    missing: Annotated[Texts, Field(strict=False)] = ()


class Columns(_Part):
    """The names of the columns in the header. Those with a default are optional."""

    invoice: Text
    customer: Text
    timestamp: Text
    sku: Text
    description: Text | None = None
    quantity: Text | None = None
    price: Text | None = None
    aisle: Text | None = None
    department: Text | None = None


class Timestamp(_Part):
    """How times are written: formats such as %Y-%m-%d %H:%M:%S, which are tried in this order."""

    formats: Annotated[
        Texts,
        Field(min_length=1, strict=False),
        _require(
            _has_date_and_hour,
            "{0!r} must have year, month, day, hour and minute, such as %Y-%m-%d %H:%M, and no time zone",
        ),
    ]


class Ids(_Part):
    """How keys become ids: `hash` hashes every key, `number` keeps keys that are whole numbers."""

    order: IdRule = "hash"
    product: IdRule = "hash"
    customer: IdRule = "hash"


class Products(_Part):
    """Aisle and department of products without one in the lines."""

    aisle: Text = "All products"
    department: Text = "All products"


class Customers(_Part):
    """What to land for customers, of whom the lines only have a number. Without `snapshot`, nothing."""

    snapshot: bool = True
    push_consent: bool = False
    time_zone: (
        Annotated[
            str,
            _require(lambda zone: zone in available_timezones(), "is not an IANA time zone such as America/New_York"),
        ]
        | None
    ) = None


class InvoiceLinesMapping(_Part):
    """A whole mapping. `source` names the owner of the lines; lines of different sources never mix."""

    source: Text
    files: Files = Files()
    columns: Columns
    timestamp: Timestamp
    ids: Ids = Ids()
    products: Products = Products()
    customers: Customers = Customers()

    def key_of(self, role: str) -> str:
        """Name the key of the mapping for the column of a role, for messages."""
        return f"columns.{role} of the mapping {self.source}"


def shipped_mappings() -> list[str]:
    """List the mappings that ship with the package."""
    return sorted(entry.name.removesuffix(_ENDING) for entry in _SHIPPED.iterdir() if entry.name.endswith(_ENDING))


def read_mapping(name_or_path: str) -> InvoiceLinesMapping:
    """Read the shipped mapping of that name, or a mapping file; InvoiceLinesError if it is absent or not valid."""
    if name_or_path in shipped_mappings():
        return parse_mapping((_SHIPPED / f"{name_or_path}{_ENDING}").read_text(encoding="utf-8"), name_or_path)
    path = Path(name_or_path)
    if not path.is_file():
        raise InvoiceLinesError(
            f"There is no mapping {name_or_path}: give a TOML file, or one of the shipped mappings "
            f"({', '.join(shipped_mappings())})."
        )
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvoiceLinesError(f"Mapping {path} cannot be read: {error}.") from None
    return parse_mapping(text, name_or_path)


def parse_mapping(text: str, place: str) -> InvoiceLinesMapping:
    """Parse a mapping; InvoiceLinesError with one sentence per wrong key. Messages call the mapping `place`."""
    try:
        return InvoiceLinesMapping.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InvoiceLinesError(f"Mapping {place} is not valid TOML: {error}.") from None
    except ValidationError as error:
        raise InvoiceLinesError(" ".join(_sentence(place, problem) for problem in error.errors())) from None


def _sentence(place: str, problem: Any) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "missing":
        return f"Mapping {place} has no {key}, which it needs."
    if problem["type"] == "extra_forbidden":
        return f"Mapping {place} has {key}, which is not a key of a mapping."
    return f"In mapping {place}, {key} is {problem['input']!r}: {problem['msg'].removeprefix('Value error, ')}."
