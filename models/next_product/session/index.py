"""Past sessions, found by the products in them: the newest first, without anybody's name."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from features.events.erasures import Erased, Marks
from models.next_product.arrays import read_array, write_array
from models.next_product.looks import Sessions
from models.next_product.masking import hidden

REVISITS_PRIOR = 10
"""Steps at which a product's own share of revisits counts as much as everybody's."""


class Arrays(NamedTuple):
    """What compiled code reads; a *step* is one product at one place of a session."""

    offsets: npt.NDArray[np.int64]
    """Steps of session `s`, the oldest first, are `offsets[s]:offsets[s + 1]`."""
    product: npt.NDArray[np.int32]
    session: npt.NDArray[np.int32]
    """Of each step."""
    begin: npt.NDArray[np.int64]
    """Steps with product `p` are `step[begin[p]:begin[p + 1]]`."""
    step: npt.NDArray[np.int32]
    """The newest first."""
    revisits: npt.NDArray[np.float32]
    """The share of each product's steps that were not its first in the session."""
    hidden: npt.NDArray[np.bool_]
    """Sessions of people who were erased since."""


@dataclass(frozen=True)
class SessionIndex:
    """Sessions in the order they began."""

    arrays: Arrays
    began_at: npt.NDArray[np.int64]
    marks: Marks
    """Of each session's customer; none where nobody is to be erased."""

    @classmethod
    def of(
        cls,
        sessions: Sessions,
        n_products: int,
        marks: Marks | None = None,
    ) -> "SessionIndex":
        """An index of sessions that are in the order they began.

        Arguments:
            sessions: the oldest first.
            n_products: the size of the catalogue.
            marks: of each session's customer.
        """
        product = np.ascontiguousarray(sessions.product, np.int32)
        session = np.repeat(np.arange(len(sessions)), np.diff(sessions.offsets))
        step = np.lexsort((-np.arange(len(product)), product))
        steps = np.bincount(product, minlength=n_products)
        visits = np.unique(session * n_products + product) % max(n_products, 1)
        again = steps - np.bincount(visits, minlength=n_products)
        usual = again.sum() / max(len(product), 1)
        arrays = Arrays(
            offsets=sessions.offsets.astype(np.int64),
            product=product,
            session=session.astype(np.int32),
            begin=np.concatenate([[0], np.cumsum(steps)]).astype(np.int64),
            step=step.astype(np.int32),
            revisits=((again + REVISITS_PRIOR * usual) / (steps + REVISITS_PRIOR)).astype(
                np.float32
            ),
            hidden=np.zeros(len(sessions), np.bool_),
        )
        return cls(arrays, sessions.began_at.astype(np.int64), marks or Marks.none())

    def __len__(self) -> int:
        return len(self.began_at)

    @property
    def n_products(self) -> int:
        """The size of the catalogue at the time."""
        return len(self.arrays.revisits)

    def find(self, began_at: int, steps: npt.NDArray[np.int32]) -> int:
        """The session that began at an instant and with these steps went on, or -1."""
        begin, end = np.searchsorted(self.began_at, [began_at, began_at + 1]).tolist()
        for session in range(begin, end):
            first, last = self.arrays.offsets[session : session + 2].tolist()
            kept = self.arrays.product[first:last]
            if np.array_equal(kept, steps[: len(kept)]):
                return session
        return -1

    def meets(self, product: int, other: int, newest: int) -> bool:
        """Whether one of a product's newest steps is in a session with another product."""
        begin, end = self.arrays.begin[product : product + 2].tolist()
        steps = self.arrays.step[begin : min(end, begin + newest)]
        for session in np.unique(self.arrays.session[steps]).tolist():
            begin, end = self.arrays.offsets[session : session + 2].tolist()
            if not self.arrays.hidden[session] and other in self.arrays.product[begin:end]:
                return True
        return False

    def without(self, erased: Erased) -> "SessionIndex":
        """This index as if nothing that erased people did had been seen; see `hidden`."""
        gone = hidden(self.marks, self.began_at, erased)
        return replace(self, arrays=self.arrays._replace(hidden=gone))

    def save(self, folder: Path) -> None:
        """Write one .npy per array into an existing folder; what is hidden is no part of it."""
        for name, array in self.arrays._asdict().items():
            if name != "hidden":
                write_array(folder, name, array)
        write_array(folder, "began_at", self.began_at)
        write_array(folder, "hashes", self.marks.hashes)

    @classmethod
    def load(cls, folder: Path, key_id: str) -> "SessionIndex":
        """Read what `save` wrote; arrays are memory-mapped.

        Arguments:
            folder: where it wrote.
            key_id: of the marks; whoever saves keeps it.
        """
        began_at = read_array(folder, "began_at")
        read = {name: read_array(folder, name, mode="c") for name in Arrays._fields[:-1]}
        arrays = Arrays(**read, hidden=np.zeros(len(began_at), np.bool_))
        return cls(arrays, began_at, Marks(read_array(folder, "hashes"), key_id))
