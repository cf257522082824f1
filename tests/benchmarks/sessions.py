"""Which product a session goes on with: ours beside V-SkNN, on sessions of any shop."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import typer

from features.events import engine
from models.next_product import Session
from models.next_product.looks import Sessions
from tests.benchmarks.results import peak_mb, report

TOP = 20

Ranked = npt.NDArray[np.int32]
Predict = Callable[[npt.NDArray[np.int32]], Ranked]
"""From the products of a session so far to the next one, best first."""


def run(
    train: Annotated[Path, typer.Option(help="Parquet: session_id, product_id, position.")],
    test: Annotated[Path, typer.Option(help="As --train; later sessions.")],
    min_prefix: Annotated[int, typer.Option(min=1, help="Clicks before the first prediction.")] = 2,
    seed: Annotated[int, typer.Option(help="Of all random choices.")] = 0,
    json: Annotated[Path | None, typer.Option(help="Where to write the figures.")] = None,
) -> None:
    """The next product after every prefix of the test sessions, among all of the training's."""
    figures = measured(train, test, min_prefix, seed)
    report(f"{test.name}: {int(figures['predictions']):,} predictions", figures, json)


def measured(train: Path, test: Path, min_prefix: int, seed: int) -> dict[str, float]:
    """All figures, `<method>.<metric>`."""
    began = time.perf_counter()
    told = _clicks(train)
    numbers = pc.unique(told["product_id"])
    past, asked = _sessions(told, numbers), _sessions(_clicks(test), numbers)
    if not (np.diff(asked.offsets) > min_prefix).any():
        raise typer.BadParameter(f"no session of {test} has more than {min_prefix} clicks")
    model = Session(seed=seed).learn(past, len(numbers))
    fit_seconds = time.perf_counter() - began
    baseline = VSkNN(past, len(numbers))
    figures: dict[str, float] = {}
    for name, predict in (("ours", lambda s: model.next(s, TOP)[0]), ("vsknn", baseline.next)):
        figures |= {f"{name}.{m}": v for m, v in _figures(predict, asked, min_prefix).items()}
    figures["predictions"] = float(np.maximum(np.diff(asked.offsets) - min_prefix, 0).sum())
    figures["fit_seconds"] = fit_seconds
    return figures | {"seconds": time.perf_counter() - began, "peak_mb": peak_mb()}


class VSkNN:
    """Vector multiplication session-based kNN (Ludewig & Jannach 2018).

    Of the newest sessions that share a product, the most similar vote: similarity is the sum of
    the shared products' weights, which rise linearly along the present session; a vote is divided
    by the steps back to the latest shared product. Of equal votes the product first seen in
    training goes first.

    Arguments:
        past: in the order they began.
        n_products: the size of the catalogue.
        sample: how many of the newest sessions are compared.
        neighbours: how many of them vote.
    """

    def __init__(
        self, past: Sessions, n_products: int, sample: int = 1000, neighbours: int = 100
    ) -> None:
        self.sample = sample
        self.neighbours = neighbours
        self._products = [np.unique(past.of(s)) for s in range(len(past))]
        owner = np.repeat(np.arange(len(past)), [len(p) for p in self._products])
        product = np.concatenate(self._products)
        order = np.lexsort((-owner, product))
        ends = np.searchsorted(product[order], np.arange(1, n_products))
        self._sessions = np.split(owner[order], ends)

    def next(self, present: npt.NDArray[np.int32]) -> Ranked:
        """The products of the most votes."""
        back: dict[int, int] = {}
        for b, product in enumerate(present[::-1].tolist()):
            if product < len(self._sessions):
                back.setdefault(product, b)
        if not back:
            return np.empty(0, np.int32)
        found = [self._sessions[product][: self.sample] for product in back]
        rising = [(len(present) - b) / len(present) for b in back.values()]
        sessions, place = np.unique(np.concatenate(found), return_inverse=True)
        similarity = np.bincount(place, np.repeat(rising, [len(each) for each in found]))
        sessions, similarity = sessions[-self.sample :], similarity[-self.sample :]
        votes: dict[int, float] = {}
        for s in np.lexsort((-sessions, -similarity))[: self.neighbours].tolist():
            products = self._products[int(sessions[s])].tolist()
            steps = min(back[product] + 1 for product in products if product in back)
            for product in products:
                votes[product] = votes.get(product, 0.0) + similarity[s] / steps
        best = sorted(votes, key=lambda product: (-votes[product], product))[:TOP]
        return np.array(best, np.int32)


def _figures(predict: Predict, asked: Sessions, min_prefix: int) -> dict[str, float]:
    """HR and MRR at TOP, and what one prediction takes.

    Times are the thread's own: a prediction waits for nothing, and what other processes take of
    the machine is not its time.
    """
    predict(asked.product[:1])  # compiles
    gains, spent = [], []
    for session in range(len(asked)):
        clicks = asked.of(session)
        for step in range(min_prefix, len(clicks)):
            before = time.thread_time_ns()
            ranked = predict(clicks[:step])
            spent.append(time.thread_time_ns() - before)
            place = np.flatnonzero(ranked == clicks[step])
            gains.append(1 / (1 + place[0]) if len(place) else 0.0)
    gain = np.array(gains)
    p50, p99 = np.percentile(spent, [50, 99]) / 1_000
    return {
        f"hr@{TOP}": float((gain > 0).mean()),
        f"mrr@{TOP}": float(gain.mean()),
        "p50_us": float(p50),
        "p99_us": float(p99),
    }


def _clicks(file: Path) -> pa.Table:
    """Clicks in order, session after session."""
    with tempfile.TemporaryDirectory() as spill, engine.connection(Path(spill)) as con:
        return con.sql(
            f"""SELECT dense_rank() OVER (ORDER BY session_id) - 1 AS session,
                CAST(product_id AS VARCHAR) AS product_id
            FROM read_parquet({engine.quoted(str(file))})
            ORDER BY session_id, position"""
        ).to_arrow_table()


def _sessions(clicks: pa.Table, numbers: pa.Array) -> Sessions:
    """Clicks by product number; a product that training does not know is the last of all."""
    known = pc.index_in(clicks["product_id"], numbers).fill_null(len(numbers))
    session = clicks["session"].to_numpy()
    count = int(session[-1]) + 1 if len(session) else 0
    return Sessions(
        offsets=np.searchsorted(session, np.arange(count + 1)).astype(np.int64),
        product=known.to_numpy().astype(np.int32),
        began_at=np.arange(count),
        row=np.zeros(count, np.int64),
    )
