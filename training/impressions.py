"""The lists that were shown, what came of them, and what a bundle would have shown instead."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.stats import binom

from features.columns import Columns as C
from features.errors import InputError, NotEnoughDataError
from features.events import engine
from features.events.log import EventLog
from features.events.schema import schema
from features.instants import DAY_MS, iso
from models.bundle import Bundle
from models.next_product.history import LINE
from training.counterfactual import ShownLists
from training.judging import Reward
from training.trainer import Data

COLUMNS: Final = (
    "recommendation_id",
    "customer",
    "placement",
    "position",
    "product_id",
    "propensity",
    "at",
)
"""What is read of the impressions log: a row is one product of one list. customer: as the log may
name them, null for strangers. position: 1 is the top. propensity: the probability with which the
product was put into its place, given the places before it; 1 where no chance was involved. at:
nothing from this instant on was looked at (int64 ms UTC)."""

MOST_LISTS: Final = 20_000
"""Lists that are judged at most, drawn at random; a bundle answers each as the service would."""


@dataclass(frozen=True)
class Judged:
    """Lists ready to be judged, and how many were left out, by reason."""

    shown: ShownLists
    left_out: Mapping[str, int]


def read_impressions(path: Path) -> pa.Table:
    """The impressions of a Parquet file, or of the Parquet files in a folder, list by list.

    Raises:
        InputError: there are none, or a column is missing.
    """
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files or not all(file.is_file() for file in files):
        raise InputError(
            f"there are no impressions in {path}; `python -m serving export` writes them beside "
            "the log, or name their Parquet file or folder"
        )
    columns = ", ".join(f'"{name}"' for name in COLUMNS)
    try:
        with duckdb.connect() as con:
            # the first of equal rows counts: the same lists may have been exported twice
            return con.sql(
                f"SELECT DISTINCT ON (recommendation_id, position) {columns} "
                f"FROM read_parquet({engine.files(files)}, union_by_name = true) "
                "ORDER BY recommendation_id, position"
            ).to_arrow_table()
    except duckdb.Error as error:
        raise InputError(
            f"{path} is no log of impressions: {engine.first_line(error)}; its columns must be "
            f"{', '.join(COLUMNS)}"
        ) from error


def judged(
    impressions: pa.Table,
    bundle: Bundle,
    data: Data,
    *,
    placement: str,
    reward: Reward = Reward.CLICK,
    days: int = 7,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Judged:
    """Shown lists with their rewards, beside the bundle's own lists at the same instants.

    The bundle answers as it ranks: without the shop's rules, the caller's filters and rotation,
    which the log does not name. A purchase is an order line of the product, or a variant of it,
    within `days` of the showing.

    Arguments:
        impressions: columns `COLUMNS`.
        bundle: only lists shown after its training are judged: it knows how earlier ones ended.
        data: the log's timelines; whoever is not in them, or was erased, is left out.
        placement: whose lists.
        reward: what counts.
        days: in which a purchase counts; lists whose days are not over are left out.
        seed: of who is drawn, where there are more than `MOST_LISTS`.
        progress: told how many lists are done, of how many.

    Raises:
        NotEnoughDataError: no list is left, or the bundle has no next-product model.
    """
    if bundle.next_product is None:
        raise NotEnoughDataError("this bundle has no next-product model; train one")
    told = _Told.of(impressions, data)
    cutoff = bundle.manifest.cutoff
    everything = np.ones(len(told.at), np.bool_)
    over = told.at + days * DAY_MS <= data.last_at if reward is Reward.PURCHASE else everything
    left_out, kept = {}, everything
    for why, fits in (
        (f"of another placement than {placement}", told.placement == placement),
        (f"before the bundle's training ended, {iso(cutoff)}", told.at >= cutoff),
        ("to strangers, or to whom the log does not know", told.customer >= 0),
        (f"less than {days} days before the last event", over),
    ):
        left_out[why] = int((kept & ~fits).sum())
        kept = kept & fits
    chosen = np.flatnonzero(kept)
    if not len(chosen):
        said = "; ".join(f"{count:,} {why}" for why, count in left_out.items() if count)
        raise NotEnoughDataError(f"no shown list is left to be judged: {said or 'none was shown'}")
    if len(chosen) > MOST_LISTS:
        drawn = np.random.default_rng(seed).choice(len(chosen), MOST_LISTS, replace=False)
        chosen = chosen[np.sort(drawn)]
    mine = np.isin(told.listed, chosen)
    listed = np.searchsorted(chosen, told.listed[mine])
    lengths = np.bincount(listed, minlength=len(chosen))
    facts = bundle.reference.extended(data.catalog)
    others = []
    for place, i in enumerate(chosen.tolist()):
        items = bundle.next_product.recommend(
            data.timelines.customer(int(told.customer[i])),
            int(told.at[i]),
            int(lengths[place]),
            catalog=data.catalog,
            reference=facts,
        )
        others.append(data.catalog.parent[[item.product for item in items]].astype(np.int64))
        if progress is not None:
            progress(place + 1, len(chosen))
    product = told.product[mine]
    if reward is Reward.CLICK:
        earned = _clicked(told, data)[mine]
    else:
        earned = _bought(told, data, days)[mine]
    return Judged(
        ShownLists(
            customer=told.customer[chosen],
            listed=listed,
            product=product,
            propensity=inclusion(listed, told.propensity[mine]),
            reward=earned.astype(np.float64),
            other_listed=np.repeat(np.arange(len(chosen)), [len(each) for each in others]),
            other_product=np.concatenate(others),
            other_probability=np.ones(sum(len(each) for each in others)),
        ),
        left_out,
    )


def inclusion(
    listed: npt.NDArray[np.int64], propensity: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The probability that a product stood anywhere in its list.

    Places are filled one after another, each with a propensity p given those before; n of them
    were left to chance. A place's likely product (p of a half or more) moves to the next where
    it gives way, so that the m-th of them stands in the list if m of the n places are not given
    away: P(Binomial(n, p) ≥ m). An unlikely one might have come up at any of the n: 1 - (1 - p)^n.
    Both are exact for one such place.

    Arguments:
        listed: the list of each product; a list's rows stand together, in the order of places.
        propensity: of each.

    >>> inclusion(np.array([0, 0, 1]), np.array([1.0, 0.1, 0.2])).round(3).tolist()
    [1.0, 0.1, 0.2]
    >>> inclusion(np.array([0, 0, 0]), np.array([0.9, 0.1, 0.9])).round(4).tolist()
    [0.999, 0.271, 0.972]
    """
    if not len(listed):
        return propensity
    chance, likely = propensity < 1, (propensity >= 0.5) & (propensity < 1)
    places = np.bincount(listed, chance)[listed]
    before = np.cumsum(likely)
    first = np.searchsorted(listed, listed)
    rank = before - before[first] + likely[first]
    drawn = np.where(likely, binom.sf(rank - 1, places, propensity), 1 - (1 - propensity) ** places)
    out: npt.NDArray[np.float64] = np.where(chance, drawn, propensity)
    return out


@dataclass(frozen=True)
class _Told:
    """Impressions as arrays; lists are numbered in the order of their first rows."""

    name: npt.NDArray[np.object_]
    """Recommendation id of each list."""
    customer: npt.NDArray[np.int64]
    """Place in the timelines of each list's customer; -1 where there is none."""
    placement: npt.NDArray[np.object_]
    at: npt.NDArray[np.int64]
    listed: npt.NDArray[np.int64]
    """The list of each row."""
    product: npt.NDArray[np.int64]
    propensity: npt.NDArray[np.float64]

    @classmethod
    def of(cls, impressions: pa.Table, data: Data) -> "_Told":
        """Rows of products that the catalogue knows."""
        index = data.catalog.index
        place = np.array([index.get(p, -1) for p in impressions["product_id"].to_pylist()], int)
        known = place >= 0
        names = np.array(impressions["recommendation_id"].to_pylist(), object)[known]
        name, first, listed = np.unique(names, return_index=True, return_inverse=True)
        people = np.array(impressions["customer"].to_pylist(), object)[known][first]
        found = np.full(len(name), -1, np.int64)
        somebody = np.flatnonzero([person is not None for person in people])
        if len(somebody):
            found[somebody] = data.timelines.find(people[somebody])
        where = np.array(impressions["placement"].to_pylist(), object)[known]
        return cls(
            name=name,
            customer=found,
            placement=where[first],
            at=np.asarray(impressions["at"].to_numpy(), np.int64)[known][first],
            listed=listed.astype(np.int64),
            product=data.catalog.parent[place[known]].astype(np.int64),
            propensity=np.asarray(impressions["propensity"].to_numpy(), np.float64)[known],
        )


def _clicked(told: _Told, data: Data) -> npt.NDArray[np.bool_]:
    """Which rows a Recommendation Clicked names by list and product."""
    if data.told is None:
        return np.zeros(len(told.listed), np.bool_)
    number = {name: i for i, name in enumerate(told.name.tolist())}
    size, keys = len(data.catalog), []
    for name, product in _clicks(data.told):
        place = data.catalog.index.get(product, -1)
        if place >= 0 and name in number:
            keys.append(number[name] * size + int(data.catalog.parent[place]))
    return np.isin(told.listed * size + told.product, np.array(keys, np.int64))


def _clicks(log: EventLog) -> list[tuple[str, str]]:
    """Recommendation id and product of every click that names both."""
    code = schema().code("Recommendation Clicked")
    found = log.dataset.to_table(columns=[C.TYPE, C.PRODUCT_ID, C.PROPERTIES])
    with duckdb.connect() as con:
        con.register("found", found)
        rows: list[tuple[str, str]] = con.sql(
            f"SELECT json_extract_string({C.PROPERTIES}, '$.recommendation_id') AS name, "
            f"{C.PRODUCT_ID} FROM found WHERE {C.TYPE} = {code} "
            f"AND name IS NOT NULL AND {C.PRODUCT_ID} IS NOT NULL"
        ).fetchall()
    return rows


def _bought(told: _Told, data: Data, days: int) -> npt.NDArray[np.bool_]:
    """Which rows' products their customers ordered within so many days."""
    out = np.zeros(len(told.listed), np.bool_)
    order = np.argsort(told.listed, kind="stable")
    ends = np.searchsorted(told.listed[order], np.arange(len(told.at) + 1))
    for i in np.flatnonzero(told.customer >= 0).tolist():
        mine = data.timelines.customer(int(told.customer[i]))
        begin = told.at[i]
        inside = (mine.type == LINE) & (mine.at >= begin) & (mine.at < begin + days * DAY_MS)
        got = data.catalog.parent[mine.product[inside & (mine.product >= 0)]]
        rows = order[ends[i] : ends[i + 1]]
        out[rows] = np.isin(told.product[rows], got)
    return out
