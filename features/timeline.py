"""Timelines: every customer's events as flat arrays, sorted by customer and time.

A *row* is one event, or one line of an order or refund. `Timelines` holds all customers and
is memory-mapped; `Timeline` is one customer, in the same columns, and can be appended to.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from features.consents.permit import Permit
from features.errors import InputError, StorageError, shown
from features.events.erasures import Marks
from features.events.row import ROW
from features.ranges import ranges

__all__ = ["COLUMNS", "FOREVER", "LAYOUT", "ROW", "TIES", "Timeline", "Timelines", "visible"]

FOREVER = int(np.iinfo(np.int64).max)

ROW_COLUMNS: tuple[str, ...] = ROW.names or ()
COLUMNS: tuple[str, ...] = (*ROW_COLUMNS, "known_until")
LAYOUT = {name: (ROW[name] if name in ROW_COLUMNS else np.dtype(np.int64)).str for name in COLUMNS}
"""The dtype of each column, as saved timelines say it."""

TIES = ("type", "value", "quantity", "measure", "channel", "product", "known_at", "known_until")
"""What orders rows of one instant; lines have higher codes than the orders they belong to."""


def visible(
    at: npt.NDArray[np.int64],
    known_at: npt.NDArray[np.int64],
    known_until: npt.NDArray[np.int64],
    instant: int | npt.NDArray[np.int64],
) -> npt.NDArray[np.bool_]:
    """Which rows count at an instant: happened earlier, and known then to be this customer's."""
    return (at < instant) & (known_at <= instant) & (instant < known_until)


@dataclass(frozen=True)
class Timeline:
    """One customer's rows, in time order; each field is an array of shape (rows,)."""

    at: npt.NDArray[np.int64]
    known_at: npt.NDArray[np.int64]
    value: npt.NDArray[np.float32]
    quantity: npt.NDArray[np.float32]
    measure: npt.NDArray[np.float32]
    product: npt.NDArray[np.int32]
    type: npt.NDArray[np.uint8]
    channel: npt.NDArray[np.uint8]
    known_until: npt.NDArray[np.int64]
    """Until when the row was known to be this customer's: a visitor's rows go to the user at a
    login, and away from them when a second user logs in on the same device. FOREVER otherwise."""

    def __len__(self) -> int:
        return len(self.at)

    @classmethod
    def of(cls, rows: npt.NDArray[np.void]) -> Self:
        """A timeline of rows of dtype `ROW` in any order.

        Rows of one instant stand in the order of TIES, whatever order they came in: so a live
        stream and a built log give the same features.
        """
        columns: dict[str, npt.NDArray[Any]] = {name: rows[name] for name in ROW_COLUMNS}
        return cls._in_order({**columns, "known_until": np.full(len(rows), FOREVER, np.int64)})

    @classmethod
    def _in_order(cls, columns: dict[str, npt.NDArray[Any]]) -> Self:
        order = np.argsort(columns["at"], kind="stable")
        at = columns["at"][order]
        if (at[1:] == at[:-1]).any():
            order = np.lexsort([columns[name] for name in (*reversed(TIES), "at")])
        return cls(**{name: np.ascontiguousarray(array[order]) for name, array in columns.items()})

    @classmethod
    def empty(cls) -> Self:
        """A customer of whom nothing is known."""
        return cls.of(np.empty(0, ROW))

    def rows(self) -> npt.NDArray[np.void]:
        """All rows, as a structured array of dtype `ROW`."""
        out = np.empty(len(self), ROW)
        for name in ROW_COLUMNS:
            out[name] = getattr(self, name)
        return out

    def to_bytes(self) -> bytes:
        """All rows, packed."""
        return self.rows().tobytes()

    def appended(self, rows: npt.NDArray[np.void]) -> Self:
        """This timeline with further rows (dtype `ROW`), each at its own time."""
        return type(self).of(np.concatenate([self.rows(), rows]))

    def before(self, at: int | npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Which rows are `visible` at an instant.

        Arguments:
            at: one instant, or one for each row.
        """
        return visible(self.at, self.known_at, self.known_until, at)

    def until(self, at: int) -> Self:
        """What was known just before an instant."""
        keep = self.before(at)
        if keep.all():  # nearly always, now
            return self
        return type(self)(**{name: getattr(self, name)[keep] for name in COLUMNS})

    def with_products(self, index: npt.NDArray[np.int32]) -> Self:
        """The same rows in another catalogue's numbering: `index[old] = new`, or -1."""
        mapped = np.full(len(self), -1, np.int32)
        if len(index):
            mapped = np.where(self.product >= 0, index[self.product], mapped).astype(np.int32)
        columns = {name: getattr(self, name) for name in COLUMNS}
        return self._in_order({**columns, "product": mapped})


@dataclass(frozen=True)
class Timelines:
    """All customers: rows of customer `i` are `offsets[i]:offsets[i + 1]` of each column."""

    customers: npt.NDArray[np.bytes_]
    """Customer ids in UTF-8, sorted, shape (customers,)."""
    known: npt.NDArray[np.bool_]
    """False for visitors and baskets that no user id stands behind."""
    offsets: npt.NDArray[np.int64]
    rows: Timeline
    """The columns of all customers, one after another."""
    permits: Mapping[str, Permit] = field(default_factory=dict)
    """Who allows which purpose, and when, by purpose; everybody where it is not told. It is no
    part of what is saved: the shop's settings decide it, too."""
    marks: Marks = field(default_factory=Marks.none)
    """What stands for each customer where something of them is kept, as the list of erased people
    has it; nothing where nobody is to be erased. It is no part of what is saved either."""

    def __len__(self) -> int:
        return len(self.customers)

    def allowing(self, purpose: str, at: int) -> npt.NDArray[np.bool_]:
        """Which customers allowed a purpose at an instant and still do, shape (customers,)."""
        permit = self.permits.get(purpose)
        return np.ones(len(self), np.bool_) if permit is None else permit.at(at, len(self))

    def rows_of(
        self, customers: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The rows of customers (places), one customer after another.

        Returns:
            Whose each is, by its place in `customers`, and the row's own place.
        """
        begin = self.offsets[customers]
        length = self.offsets[customers + 1] - begin
        return np.repeat(np.arange(len(customers)), length), ranges(begin, length)

    def customer(self, index: int) -> Timeline:
        """One customer's timeline (views, not copies)."""
        return self.part(int(self.offsets[index]), int(self.offsets[index + 1]))

    def part(self, begin: int, end: int) -> Timeline:
        """Rows `begin` to `end` of all customers' (views, not copies)."""
        return Timeline(**{name: getattr(self.rows, name)[begin:end] for name in COLUMNS})

    def find(self, customer_ids: Iterable[str]) -> npt.NDArray[np.int64]:
        """Places of customers; -1 of who has no timeline."""
        encoded = np.array([i.encode() for i in customer_ids], dtype=np.bytes_)
        found = np.searchsorted(self.customers, encoded).astype(np.int64)
        inside = found < len(self)
        hit = inside.copy()
        hit[inside] = self.customers[found[inside]] == encoded[inside]
        found[~hit] = -1
        return found

    def index(self, customer_ids: Iterable[str]) -> npt.NDArray[np.int64]:
        """Places of customers.

        Raises:
            InputError: one of them has no timeline.
        """
        asked = list(customer_ids)
        found = self.find(asked)
        if (found < 0).any():
            missing = asked[int(np.argmin(found))]
            raise InputError(f"no customer {shown(missing)} in these timelines")
        return found

    def ids(self, places: npt.NDArray[np.int64] | slice = slice(None)) -> list[str]:
        """Customer ids at these places."""
        return [i.decode() for i in self.customers[places].tolist()]

    @classmethod
    def of(
        cls, timelines: Sequence[tuple[str, Timeline]], known: Sequence[bool] | None = None
    ) -> "Timelines":
        """Timelines of these customers, for small data and tests."""
        order = sorted(range(len(timelines)), key=lambda i: timelines[i][0].encode())
        parts = [timelines[i][1] for i in order]
        counts = [len(part) for part in parts]
        return cls(
            customers=np.array([timelines[i][0].encode() for i in order], dtype=np.bytes_),
            known=np.array([True if known is None else known[i] for i in order], dtype=np.bool_),
            offsets=np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64),
            rows=Timeline(
                **{
                    name: np.concatenate(
                        [np.empty(0, LAYOUT[name]), *(getattr(part, name) for part in parts)]
                    )
                    for name in COLUMNS
                }
            ),
        )

    def save(self, folder: Path) -> None:
        """Write one .npy file per column; `open` maps them back."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, array in self._arrays().items():
            np.save(folder / f"{name}.npy", array)
        (folder / "timelines.json").write_text(json.dumps({"columns": LAYOUT}))

    @classmethod
    def open(cls, folder: Path) -> "Timelines":
        """Memory-map saved timelines.

        Raises:
            StorageError: the folder holds none, or of another row layout.
        """
        try:
            layout = json.loads((folder / "timelines.json").read_text())["columns"]
            if layout != LAYOUT:
                raise StorageError(f"{folder} has another row layout; build the timelines again")
            load = {
                # copy-on-write pages: the kernel is compiled once, for writable arrays
                name: np.asarray(np.load(folder / f"{name}.npy", mmap_mode="c"))
                for name in ("customers", "known", "offsets", *COLUMNS)
            }
        except (OSError, ValueError, KeyError) as error:
            raise StorageError(f"cannot read timelines from {folder}: {error}") from error
        return cls(
            customers=load["customers"],
            known=load["known"],
            offsets=load["offsets"],
            rows=Timeline(**{name: load[name] for name in COLUMNS}),
        )

    def _arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        columns = {name: getattr(self.rows, name) for name in COLUMNS}
        return {
            "customers": self.customers,
            "known": self.known,
            "offsets": self.offsets,
            **columns,
        }
