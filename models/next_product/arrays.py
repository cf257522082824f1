"""Learned state on disk: a JSON file of settings and .npy files, memory-mapped when read."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

SETTINGS = "settings.json"


def write_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write what a constructor takes, keys sorted, so that equal models are equal bytes."""
    text = json.dumps(settings, sort_keys=True, indent=1) + "\n"
    (folder / SETTINGS).write_text(text, encoding="utf-8")


def read_settings(folder: Path) -> dict[str, Any]:
    """Read what `write_settings` wrote."""
    settings: dict[str, Any] = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    return settings


def write_array(folder: Path, name: str, array: npt.NDArray[Any]) -> None:
    """Write `<name>.npy`."""
    np.save(folder / f"{name}.npy", np.ascontiguousarray(array), allow_pickle=False)


def read_array(folder: Path, name: str, *, mode: Literal["r", "c"] = "r") -> npt.NDArray[Any]:
    """Map `<name>.npy` into memory; workers of one machine share its pages.

    Arguments:
        folder: where `write_array` wrote it.
        name: its name.
        mode: "c", copy on write, for compiled code: it is compiled once, for writable arrays.
    """
    mapped = np.load(folder / f"{name}.npy", mmap_mode=mode, allow_pickle=False)
    return np.asarray(mapped)
