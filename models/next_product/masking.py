"""Which of the rows that a generator keeps are of people who were erased since."""

import numpy as np
import numpy.typing as npt

from features.events.erasures import HASH_BYTES, Erased, Marks


def hidden(marks: Marks, began_at: npt.NDArray[np.int64], erased: Erased) -> npt.NDArray[np.bool_]:
    """Rows that must count no longer.

    Where the marks are of another key, nobody knows which rows are whose: all go.

    Arguments:
        marks: of each row's customer; none where nobody is to be erased.
        began_at: the instant of the first that each row tells of.
        erased: everybody who was erased so far.
    """
    hashes = marks.hashes
    out = np.zeros(len(began_at), np.bool_)
    if erased.until and erased.key_id != marks.key_id:
        out[:] = True
    elif erased.until:
        listed = np.frombuffer(b"".join(erased.until), np.uint8).reshape(-1, HASH_BYTES)
        # eight bytes sort as numbers do; few rows share them by chance
        for row in np.flatnonzero(np.isin(_heads(hashes), _heads(listed))).tolist():
            until = erased.until.get(hashes[row].tobytes())
            out[row] = until is not None and began_at[row] <= until
    return out


def _heads(hashes: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    return np.ascontiguousarray(hashes[:, :8]).view(np.uint64)[:, 0]
