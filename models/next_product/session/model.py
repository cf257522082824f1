"""The candidate generator that goes by what the customer looks at in the present session."""

from pathlib import Path
from typing import ClassVar, Self

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
from scipy.special import expit

from features.catalog import Catalog
from features.events.erasures import Erased, Marks
from features.ranges import ranges
from models.boosting import parameters
from models.next_product.arrays import read_settings, write_settings
from models.next_product.candidate import Candidates
from models.next_product.history import Histories
from models.next_product.looks import Sessions
from models.next_product.opinions import Products, Scores, Sparse, best
from models.next_product.session.evidence import COLUMNS, NEWEST, PRESENT_STEPS, evidence
from models.next_product.session.index import SessionIndex
from models.next_product.trees import Trees

LEARNT_FROM = 0.1
"""The share of the sessions, the newest, whose steps the trees learn from."""

EXAMPLES = 10_000
"""Steps that the trees learn from at most; twice as many learnt no better."""

ENOUGH = 500
"""Examples whose next product is among the candidates that trees need at least."""

NEGATIVES_SHARE = 0.3
"""Of the candidates that were not next, those the trees learn from."""

ROUNDS = 100
"""Small trees, since a step is to be judged within a millisecond."""

_PLACE = {name: place for place, name in enumerate(COLUMNS)}


class Session(Candidates):
    """The next product of a session, from the nearest past sessions.

    Past sessions find the candidates (`evidence`), small trees order them. The trees learn from
    the newest sessions, with candidates from the older ones; then all are indexed. The score is
    the trees' probability that the product is looked at next. The present session is the
    customer's last one, and what is looked at counts in the next answer.

    Arguments:
        sessions: how many past sessions are kept, the newest.
        seed: of all random choices.
    """

    name: ClassVar[str] = "session"

    def __init__(self, sessions: int = 2_000_000, *, seed: int = 0) -> None:
        self.sessions = sessions
        self.seed = seed
        self.index_ = SessionIndex.of(Sessions.none(), 0)
        self.trees_: Trees | None = None

    def fit(self, histories: Histories) -> Self:
        """Index sessions and learn what they are worth; see `Candidates.fit`."""
        return self.learn(histories.sessions, histories.n_products, histories.marks)

    def learn(
        self,
        sessions: Sessions,
        n_products: int,
        marks: Marks | None = None,
    ) -> Self:
        """Learn from sessions.

        Arguments:
            sessions: in any order; of two that began at once the first counts as the older.
            n_products: the size of the catalogue.
            marks: what stands for each customer, by place; see `Timelines.marks`.
        """
        self.n_products_ = n_products
        telling = np.flatnonzero(np.diff(sessions.offsets) > 1)  # one step leads to no other
        order = np.argsort(sessions.began_at[telling], kind="stable")
        kept = sessions.taken(telling[order][-self.sessions :])
        self.trees_ = self._learnt(kept)
        self.index_ = SessionIndex.of(kept, n_products, (marks or Marks.none()).taken(kept.row))
        return self

    def opinions(self, histories: Histories) -> Sparse:
        """Probabilities of being looked at next; see `Candidates.opinions`."""
        sessions = histories.sessions
        ends = np.searchsorted(sessions.row, np.arange(len(histories)), side="right")
        length = np.zeros(len(histories) + 1, np.int64)
        found = [(np.empty(0, np.int32), np.empty(0, np.float32))]
        for customer in np.unique(sessions.row).tolist():
            last = int(ends[customer]) - 1
            present = sessions.of(last)
            own = self.index_.find(int(sessions.began_at[last]), present)
            found.append(self._opinion(present, own))
            length[customer + 1] = len(found[-1][0])
        products, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return Sparse(np.cumsum(length), products, scores, self.n_products_)

    def next(self, present: npt.NDArray[np.int32], k: int) -> tuple[Products, Scores]:
        """At most `k` products that a session goes on with, best first, and their scores.

        Arguments:
            present: the session's products, the latest last.
            k: how many.
        """
        products, score = self._opinion(present)
        order = best(score, k)
        return products[order], score[order]

    def reason(self, history: Histories, product: int, catalog: Catalog) -> str:
        """Names the latest product that sessions shared with it; see `Candidates.reason`."""
        present = history.sessions.of(len(history.sessions) - 1)
        if product in present:
            return "You looked at this lately"
        for seen in dict.fromkeys(present[::-1].tolist()):
            if seen < self.n_products_ and self.index_.meets(seen, product, NEWEST):
                return f"Looked at together with {catalog.title(seen)}"
        return "Looked at in visits like yours"

    def mask(self, erased: Erased) -> None:
        """Leave out sessions of erased people; see `Candidates.mask`."""
        self.index_ = self.index_.without(erased)

    def save(self, folder: Path) -> None:
        """See `Candidates.save`."""
        settings = {"sessions": self.sessions, "seed": self.seed}
        marked_by = self.index_.marks.key_id
        trees = self.trees_ is not None
        write_settings(folder, {"settings": settings, "marked_by": marked_by, "trees": trees})
        self.index_.save(folder)
        if self.trees_ is not None:
            self.trees_.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """See `Candidates.load`."""
        document = read_settings(folder)
        out = cls(**document["settings"])
        out.index_ = SessionIndex.load(folder, document["marked_by"])
        out.n_products_ = out.index_.n_products
        if document["trees"]:
            out.trees_ = Trees.load(folder)
        out._opinion(np.zeros(1, np.int32))  # so that no request waits for the compiler
        return out

    def _opinion(self, present: npt.NDArray[np.int32], own: int = -1) -> tuple[Products, Scores]:
        """Candidates for the next step, in no order, and their scores.

        Arguments:
            present: the session's products, the latest last.
            own: its place in the index, where its beginning was learnt from.
        """
        known = present[-PRESENT_STEPS:]
        known = known[known < self.n_products_]
        if not len(self.index_) or not len(known):
            return np.empty(0, np.int32), np.empty(0, np.float32)
        products, columns = evidence(self.index_.arrays, known, own)
        if self.trees_ is None:
            return products, _unlearnt(columns)
        return products, expit(self.trees_.raw(columns)).astype(np.float32)

    def _learnt(self, sessions: Sessions) -> Trees | None:
        """Trees from the newest sessions; None where there are too few examples."""
        old = int(len(sessions) * (1 - LEARNT_FROM))
        index = SessionIndex.of(sessions.taken(np.arange(old)), self.n_products_)
        length = np.diff(sessions.offsets)[old:]
        session = np.repeat(np.arange(old, len(sessions)), length - 1)
        begin = sessions.offsets[session]
        step = ranges(sessions.offsets[old:-1] + 1, length - 1)
        drawn = np.random.default_rng(self.seed)
        chosen = np.sort(drawn.permutation(len(step))[:EXAMPLES])
        rows, labels = [], []
        for first, at in zip(begin[chosen].tolist(), step[chosen].tolist(), strict=True):
            present = sessions.product[max(first, at - PRESENT_STEPS) : at]
            products, columns = evidence(index.arrays, present, -1)
            was_next = products == sessions.product[at]
            kept = was_next | (drawn.random(len(products)) < NEGATIVES_SHARE)
            rows.append(columns[:, kept].T)
            labels.append(was_next[kept])
        if sum(int(label.sum()) for label in labels) < ENOUGH:
            return None
        y = np.concatenate(labels)
        weight = np.where(y, 1.0, 1.0 / NEGATIVES_SHARE).astype(np.float32)
        x = np.concatenate(rows)
        grown = parameters(
            "binary",
            len(x),
            leaves=15,
            learning_rate=0.08,
            min_rows=100,
            column_share=0.8,
            seed=self.seed,
            threads=1,
        )
        data = lgb.Dataset(x, y.astype(np.float32), weight=weight, feature_name=list(COLUMNS))
        return Trees.of(lgb.train(grown, data, ROUNDS))


def _unlearnt(columns: npt.NDArray[np.float32]) -> Scores:
    """Merit where there is too little to learn from: the nearest sessions, and what was seen."""
    out: Scores = columns[_PLACE["neighbours"]] + np.exp(-columns[_PLACE["back"]] / 2)
    return out
