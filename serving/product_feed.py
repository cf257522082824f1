"""A shop's product feed: lines of JSON or CSV, each a product or a reason why not."""

import codecs
import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from features.errors import EventError, InputError, shown
from features.events import values
from serving.store import ProductChange

MAX_PRICE = 1e12
MAX_TEXT = 2_000
MAX_ATTRIBUTES_BYTES = 16_000


@dataclass(frozen=True)
class Fault:
    """A line that was not taken."""

    line: int
    """Counted from 1; in CSV the header is a line too."""
    product_id: str | None
    reason: str


def _id(text: object) -> object:
    """An id as events have it: without surrounding spaces, 255 bytes, no control characters."""
    try:
        return values.text("product_id", text, identifier=True)
    except EventError as error:
        raise ValueError(error.reason) from None


def _text(text: object) -> object:
    """Text without surrounding spaces; nothing is absent."""
    try:
        return values.text("text", text, identifier=False)
    except EventError as error:
        raise ValueError(error.reason) from None


def _absent(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _attributes(held: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    try:
        if held is not None and len(orjson.dumps(held)) > MAX_ATTRIBUTES_BYTES:
            raise ValueError(f"attributes take at most {MAX_ATTRIBUTES_BYTES:,} bytes")
    except orjson.JSONEncodeError as error:
        raise ValueError(f"attributes cannot be kept: {error}") from None
    if "\\u0000" in json.dumps(held):
        raise ValueError("attributes hold NUL bytes")
    return held


ProductIdText = Annotated[str, BeforeValidator(_id)]
_Id = Annotated[str | None, BeforeValidator(_id)]
_Short = Annotated[str, Field(max_length=MAX_TEXT)]
_Text = Annotated[_Short | None, BeforeValidator(_text)]
_Price = Annotated[float, Field(ge=0, le=MAX_PRICE)]


class ProductBody(BaseModel):
    """What the shop says of a product; what is absent or null stays as it was."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "title": "Regency cakestand 3 tier",
                "category": "Kitchen > Baking",
                "price": 12.75,
                "available": True,
            }
        },
    )

    parent_id: _Id = None
    """The product that stands for it and its variants."""
    title: _Text = None
    category: _Text = None
    """Outermost first, parts separated by ` > `."""
    brand: _Text = None
    price: Annotated[_Price | None, BeforeValidator(_absent)] = None
    """Of one, in the shop's currency."""
    attributes: Annotated[dict[str, Any] | None, AfterValidator(_attributes)] = None
    available: Annotated[bool | None, BeforeValidator(_absent)] = None
    """Whether it can be bought; what cannot is never recommended."""

    def change(self, product_id: str) -> ProductChange:
        """What is to be stored of a product."""
        return ProductChange(product_id=product_id, **self.__dict__)


class ProductLine(ProductBody):
    """One line of a feed."""

    product_id: ProductIdText

    @property
    def as_change(self) -> ProductChange:
        """What is to be stored."""
        return ProductChange(**self.__dict__)


COLUMNS = tuple(ProductLine.model_fields)


def json_lines(content: bytes) -> Iterator[ProductChange | Fault]:
    """The products of JSON Lines; empty lines are passed over."""
    for number, line in enumerate(content.removeprefix(codecs.BOM_UTF8).split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            said = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            yield Fault(number, None, f"is no JSON: {error}")
            continue
        yield _line(number, said)


def csv_lines(content: bytes) -> Iterator[ProductChange | Fault]:
    """The products of CSV with a header; empty cells are absent, `attributes` is JSON.

    Raises:
        InputError: it is no UTF-8, or the header cannot be used.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"the CSV is no UTF-8 ({error.reason} at byte {error.start})") from None
    lines = list(io.StringIO(text, newline=""))
    reader = csv.reader(lines, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise InputError(f"line 1 of the CSV cannot be read: {error}") from None
    unknown = [name for name in header if name not in COLUMNS]
    if "product_id" not in header or unknown or len(set(header)) < len(header):
        raise InputError(
            f"the CSV's first line is {shown(','.join(header))}; name each column once, product_id "
            f"among them, and no others than {', '.join(COLUMNS)}"
        )
    for number, cells in _records(lines, reader.line_num, len(header)):
        if isinstance(cells, str):
            yield Fault(number, None, cells)
            continue
        said: dict[str, Any] = {
            name: cell for name, cell in zip(header, cells, strict=True) if cell.strip()
        }
        if "attributes" in said:
            try:
                said["attributes"] = orjson.loads(said["attributes"])
            except orjson.JSONDecodeError as error:
                yield Fault(number, said.get("product_id"), f"attributes: no JSON: {error}")
                continue
        yield _line(number, said)


def _records(lines: Sequence[str], begin: int, width: int) -> Iterator[tuple[int, list[str] | str]]:
    """The records of CSV lines from place `begin` on: number of the first line, cells or a fault.

    A record that cannot be read may have swallowed good ones behind a quote that is not closed:
    only its first line is lost, and reading goes on with the next.
    """
    while begin < len(lines):
        reader = csv.reader(map(lines.__getitem__, range(begin, len(lines))), strict=True)
        at = begin
        while True:
            fault = ""
            try:
                cells = next(reader, None)
            except csv.Error as error:
                cells, fault = [], f"cannot be read: {error}"
            if cells is None:
                return
            if cells and len(cells) != width:
                fault = f"has {len(cells)} cells, the header {width}"
            if cells or fault:
                yield at + 1, fault or cells
            after = begin + reader.line_num
            if fault and (after > at + 1 or not cells):
                begin = at + 1
                break
            at = after


def _line(number: int, said: object) -> ProductChange | Fault:
    if not isinstance(said, dict):
        return Fault(number, None, "is no JSON object")
    try:
        return ProductLine.model_validate(said).as_change
    except ValidationError as error:
        named = said.get("product_id")
        reasons = (
            ": ".join((*(str(part) for part in found["loc"]), found["msg"]))
            for found in error.errors(include_url=False, include_input=False)[:5]
        )
        product_id = named[:255] if isinstance(named, str) else None
        return Fault(number, product_id, "; ".join(reasons)[:500])
