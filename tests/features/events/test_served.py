"""What was served, in files: each score once, of nobody who was erased."""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.errors import StorageError
from features.events.erasures import Erasure, Erasures
from features.events.lock import held
from features.events.served import SCHEMA, Served
from features.instants import DAY_MS

DAY = 20_000 * DAY_MS
ALL = (0, 2**60)


def scores(*rows: tuple[str, int, float], version: str = "7") -> pa.Table:
    names, instants, probabilities = (list(column) for column in zip(*rows, strict=True))
    many = len(rows)
    return pa.table([names, [version] * many, instants, [90] * many, probabilities], schema=SCHEMA)


@pytest.fixture
def served(tmp_path):
    erasures = Erasures(tmp_path / "erasures")
    erasures.make_key()
    return Served.beside(tmp_path / "log", erasures)


def erase(served, name, until):
    digest = served.erasures.hash(name).hex()
    served.erasures.add([Erasure(f"era_{name}", until, until, "officer", "letter", (digest,))])


def told(served, begin=0, end=ALL[1]):
    rows = served.between(begin, end).to_pylist()
    return [(row["customer_id"], row["instant"], row["probability"]) for row in rows]


def test_a_folder_that_is_not_there_has_nothing_and_is_not_made(served):
    assert served.between(*ALL).num_rows == served.compact() == 0
    assert served.extent() is None
    assert not served.folder.exists()


def test_of_a_customer_version_and_day_the_first_counts_in_one_batch_and_over_batches(served):
    first = served.append(scores(("ann", DAY + 5, 0.5), ("ann", DAY + 2, 0.2), ("ben", DAY, 0.3)))
    assert first[0] == 2
    assert served.append(scores(("ann", DAY + 9, 0.9), ("ann", DAY + DAY_MS, 0.4)))[0] == 1
    assert served.append(scores(("ann", DAY + 2, 0.6), version="8"))[0] == 1
    assert told(served) == [
        ("ben", DAY, 0.3),
        ("ann", DAY + 2, 0.2),
        ("ann", DAY + DAY_MS, 0.4),
        ("ann", DAY + 2, 0.6),  # by version 8
    ]
    assert served.extent() == (DAY, DAY + DAY_MS)
    assert told(served, DAY + 1, DAY + DAY_MS) == [("ann", DAY + 2, 0.2), ("ann", DAY + 2, 0.6)]


ROWS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 3 * DAY_MS), st.sampled_from([0.1, 0.2, 0.3])),
    min_size=1,
    max_size=12,
)


@given(batches=st.lists(ROWS, min_size=1, max_size=3))
@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_the_same_batches_again_add_nothing_and_each_day_has_one(tmp_path_factory, batches):
    folder = tmp_path_factory.mktemp("served")
    served = Served(folder / "served", Erasures(folder / "erasures"))
    for batch in batches:
        served.append(scores(*batch))
    kept = told(served)
    assert len(kept) == len({(name, at // DAY_MS) for batch in batches for name, at, _ in batch})
    assert [served.append(scores(*batch))[0] for batch in batches] == [0] * len(batches)
    assert told(served) == kept


def test_who_was_erased_is_in_no_answer_at_once_and_in_no_file_after_compaction(served):
    served.append(scores(("ann", DAY + 2, 0.2), ("ben", DAY, 0.3)))
    served.append(scores(("cid", DAY, 0.3)))
    _, returned = served.append(scores(("ann", DAY + DAY_MS, 0.4)))
    untouched = (served.folder / returned).stat().st_mtime_ns
    erase(served, "ann", DAY + 1)  # an answer in the instant of the erasure looks at the next one
    left = [("ben", DAY, 0.3), ("cid", DAY, 0.3), ("ann", DAY + DAY_MS, 0.4)]
    assert told(served) == left
    assert served.append(scores(("ann", DAY + 1, 0.9)))[0] == 0
    assert (served.compact(), served.compact()) == (1, 0)
    assert told(served) == left
    everything = pa.concat_tables(pa.parquet.read_table(path) for path in served.files)
    assert sorted(everything[0].to_pylist()) == ["ann", "ben", "cid"]
    assert (served.folder / returned).stat().st_mtime_ns == untouched


def test_aged_scores_go(served):
    served.append(scores(("ann", DAY, 0.2), ("ben", DAY + DAY_MS, 0.3)))
    assert served.compact(DAY + 1) == 1
    assert told(served) == [("ben", DAY + DAY_MS, 0.3)]


def test_only_one_writes_at_a_time(served):
    served.append(scores(("ann", DAY, 0.2)))
    with held(served.folder), pytest.raises(StorageError, match="another process is writing"):
        served.append(scores(("ben", DAY, 0.2)))


KILLED = """
import os, sys
from pathlib import Path
import pyarrow as pa
from features.events import engine
from features.events.erasures import Erasures
from features.events.served import SCHEMA, Served

engine.force = lambda path: os._exit(9)
folder = Path(sys.argv[1])
Served(folder / "served", Erasures(folder / "erasures")).append(
    pa.table([["ben"], ["7"], [5], [90], [0.5]], schema=SCHEMA)
)
"""


def test_an_append_that_is_killed_leaves_what_was_there_and_the_next_one_goes_on(served):
    served.append(scores(("ann", DAY, 0.2)))
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(served.folder.parent)],
        env=os.environ,
        cwd=Path(__file__).parents[3],
        check=False,
    )
    assert killed.returncode == 9
    assert told(served) == [("ann", DAY, 0.2)]
    assert served.append(scores(("ben", DAY, 0.3)))[0] == 1
    assert len(list(served.folder.iterdir())) == 3  # two files and the lock
