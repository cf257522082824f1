"""How a shop's tables become events and products: a TOML file with one SELECT per table."""

import re
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from features.errors import InputError, MappingError, shown

Produces = Literal["products", "orders", "lines", "events"]

LegalBasis = Literal[
    "consent",
    "contract",
    "legal_obligation",
    "vital_interests",
    "public_task",
    "legitimate_interests",
]

SHIPPED = Path(__file__).with_name("mappings")

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LAG = re.compile(r"(\d+(?:\.\d+)?)([smhd])")


def _lag(text: object) -> object:
    """The duration of a text such as `90m`."""
    if isinstance(text, str):
        found = _LAG.fullmatch(text.strip())
        if found is None:
            raise ValueError("write a number and s, m, h or d, for instance 36h")
        return timedelta(**{_UNITS[found[2]]: float(found[1])})
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("no such time zone; write one such as Europe/London or UTC") from None
    return text


TimeZone = Annotated[str, AfterValidator(_zone)]
"""The name of a time zone that exists, such as `Europe/London`."""


class Table(BaseModel):
    """One table of the shop, or a step between tables."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    files: tuple[str, ...] = ()
    """Names or globs, relative to the source folder; all Parquet or all CSV. A name must exist,
    of globs one must match. Without files the SELECT reads tables declared before it."""

    produces: Produces | None = None
    """What the SELECT yields; nothing for a step that later SELECTs read by its name."""

    select: str
    """One SELECT. The table's own name stands for its files, other tables' names for what
    their SELECTs yielded. Columns of CSV files are text. Rows whose column `reject` is not
    null are kept aside with that text as the reason."""

    optional: bool = False
    """Whether a shop may do without it: then no file is no error."""

    @model_validator(mode="after")
    def _has_a_purpose(self) -> "Table":
        if self.optional and not self.files:
            raise ValueError("a table without files cannot be optional")
        return self


class Mapping(BaseModel):
    """A shop's mapping."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    """Stands in each event as its source."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    """The shop's one reporting currency (ISO 4217); rows in another are rejected."""

    time_zone: TimeZone = "UTC"
    """The zone of timestamps that name none."""

    legal_basis: LegalBasis
    """On what ground these personal data are processed (Art. 6(1) GDPR); kept with the log.

    `consent` reaches further than the record: whoever stands in these tables is personalised for
    and profiled only once they have said so, whatever the shop's own basis. Put what they said
    into the tables, as Consent Changed events."""

    arrival_lag: Annotated[timedelta, BeforeValidator(_lag)] = timedelta(0)
    """How long after it happened an event was known, where the tables do not say."""

    tables: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")], Table]
    """The tables, in the order in which they are read."""

    @property
    def arrival_lag_ms(self) -> int:
        """The arrival lag in milliseconds."""
        return self.arrival_lag // timedelta(milliseconds=1)

    @classmethod
    def load(cls, path_or_shipped_name: str | Path) -> "Mapping":
        """Read a mapping from a file, or one that is shipped by its name.

        Raises:
            MappingError: there is no such file, or it breaks the rules above.
        """
        path = Path(path_or_shipped_name)
        shipped = SHIPPED / f"{path_or_shipped_name}.toml"
        if not path.is_file() and path.name == str(path_or_shipped_name) and shipped.is_file():
            path = shipped
        try:
            return cls.model_validate(tomllib.loads(path.read_text("utf-8")))
        except OSError as error:
            names = ", ".join(sorted(file.stem for file in SHIPPED.glob("*.toml")))
            raise MappingError(
                f"cannot read the mapping {path_or_shipped_name} ({error.strerror}); "
                f"give a TOML file or one of: {names}"
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise MappingError(f"{path} is not TOML: {error}") from error
        except ValidationError as error:
            raise MappingError(f"{path}: {_said(error)}") from error


def paths(source: Path, name: str, table: Table) -> list[Path]:
    """The files of a table, sorted by path; none where an optional table has none.

    Raises:
        InputError: a name is missing, or no glob matches.
    """
    found: set[Path] = set()
    for pattern in table.files:
        if Path(pattern).is_absolute():
            raise MappingError(f"tables.{name}: {pattern} must be relative to the source folder")
        matches = [path for path in source.glob(pattern) if path.is_file()]
        if not matches and not any(sign in pattern for sign in "*?[") and not table.optional:
            raise InputError(
                f"table {name}: the file {source / pattern} is missing; put it there, or name "
                f"the folder that holds it"
            )
        found.update(matches)
    if not found and table.files and not table.optional:
        raise InputError(
            f"table {name}: no file in {source} matches {' or '.join(table.files)}; "
            "name the folder that holds the shop's tables"
        )
    return sorted(found)


def _said(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = ", ".join(Table.model_fields if "." in place else Mapping.model_fields)
        return f"unknown key {place}; the keys are: {known}"
    if first["type"] == "missing":
        return f"{place} is missing"
    return f"{place} = {shown(first['input'])}: {first['msg'].removeprefix('Value error, ')}"
