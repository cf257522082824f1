"""What a part of the profile is: a frozen dataclass whose field docs stand in the API's docs."""

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

from pydantic import ConfigDict

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def section(cls: type[T]) -> type[T]:
    """A dataclass that is answered as it is, declared once for the code and for the API."""
    cls.__pydantic_config__ = ConfigDict(use_attribute_docstrings=True)  # type: ignore[attr-defined]
    return dataclass(frozen=True)(cls)
