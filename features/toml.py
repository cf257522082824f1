"""Settings that people write in TOML files, with errors that name file, field and value."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from features.errors import InputError, shown

T = TypeVar("T", bound=BaseModel)


def read(path: Path, what: str, be: str = "is") -> dict[str, Any]:
    """The document of a TOML file.

    Arguments:
        path: the file.
        what: it holds, for the messages: `recipe`, `offers`.
        be: the verb of that.

    Raises:
        InputError: the file is missing or no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read the {what} {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"the {what} {path} {be} no TOML: {error}") from error


def validated(model: type[T], fields: Mapping[str, Any], path: Path) -> T:
    """A model of what a file says.

    Raises:
        InputError: a field has a wrong name or value; the message names file, field and value.
    """
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path}: {where} = {shown(first['input'])}: {first['msg']}") from error
