"""One placement's list for every customer, with reasons, as Parquet: what mails are made from."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import ValidationError

from features.catalog import Catalog
from features.columns import Columns as C
from features.consents import PERSONALISATION
from features.errors import InputError, NotEnoughDataError
from features.instants import iso
from features.timeline import Timeline, Timelines, visible
from models.bundle import Bundle
from models.next_product import Ask, Placement, Query, Shelf, page, shelves
from models.next_product.shelf import Rule, check
from training.written import whole

ITEM: Final = pa.struct(
    [
        pa.field("product_id", pa.string(), nullable=False),
        pa.field("title", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("probability", pa.float64()),
        pa.field("propensity", pa.float64(), nullable=False),
        pa.field("rule", pa.string()),
    ]
)

SCHEMA: Final = pa.schema(
    [
        pa.field(C.CUSTOMER_ID, pa.string(), nullable=False),
        pa.field("personal", pa.bool_(), nullable=False),
        pa.field("items", pa.list_(ITEM), nullable=False),
    ]
)
"""personal: false of who does not allow to be personalised for, and is shown what is popular.
items: best first, with the fields that the service answers with. The file's metadata, key
`regulars`, is JSON with version, instant, placement, and the names of the rules that acted."""

PORTION: Final = 2_000
"""Customers whose lists are made at once: a row group of the file."""


def mailing(
    bundle: Bundle,
    timelines: Timelines,
    catalog: Catalog,
    at: int,
    out: Path,
    placement: Placement,
    *,
    k: int | None = None,
    rules: Sequence[Rule] = (),
    seed: str = "",
    version: str = "",
    progress: Callable[[str, int, int], None] | None = None,
) -> int:
    """Write the list of every known customer.

    Nobody's age is known here, nor who said yes to personalisation rather than not no: products
    with a `min_age`, and `sensitive` ones, stand on no list.

    Arguments:
        bundle: what recommends.
        timelines: all customers.
        catalog: the numbering of the timelines' products; it extends the bundle's.
        at: int64 ms UTC; only what was known before it counts.
        out: the Parquet file, schema `SCHEMA`, customers in the order of their ids.
        placement: about nothing but the customer.
        k: how many products; the placement's own number when None.
        rules: of the shop; those that act at the instant are followed.
        seed: of the draws of new products; the same gives the same lists.
        version: of the bundle, for the file's metadata.
        progress: called with a stage, how many customers are done, how many there are.

    Returns:
        How many customers have a list.

    Raises:
        InputError: `out` is no place for a file, the placement is about a product or a cart, k is
            negative, or a rule names what the catalogue does not have.
        NotEnoughDataError: the bundle has no next-product model, or nobody is known.
        StorageError: the disk refused.
    """
    customers = np.flatnonzero(timelines.known & _there(timelines, at)).astype(np.int64)
    model = bundle.extended(catalog).next_product
    if model is None:
        raise NotEnoughDataError(
            f"version {version} has no next-product model; run: python -m training train"
        )
    if not len(customers):
        raise NotEnoughDataError(f"no customer is known before {iso(at)}")
    query = Query([Ask(placement, k)], rules=rules, seed=seed)
    facts: dict[str, Any] = {"catalog": catalog, "reference": bundle.reference.extended(catalog)}
    allowed = timelines.allowing(PERSONALISATION, at)
    about = {
        "version": version,
        "instant": iso(at),
        "placement": placement.name,
        "rules": [rule.name for rule in rules if rule.acts(placement.name, at)],
    }
    schema = SCHEMA.with_metadata({"regulars": json.dumps(about)})
    (popular,) = page(model, Timeline.empty(), at, replace(query, seed=""), **facts)
    with whole(out, schema) as write:
        for begin in range(0, len(customers), PORTION):
            part = customers[begin : begin + PORTION]
            mine = iter(shelves(model, timelines, part[allowed[part]], at, query, **facts))
            lists = [next(mine) if personal else popular for personal in allowed[part].tolist()]
            columns = [
                pa.array(timelines.ids(part), pa.string()),
                pa.array(allowed[part]),
                pa.array([_items(shelf, catalog) for shelf in lists], pa.list_(ITEM)),
            ]
            write(pa.table(columns, schema=schema))
            if progress is not None:
                progress("lists", min(begin + PORTION, len(customers)), len(customers))
    return len(customers)


def read_rules(file: Path) -> list[Rule]:
    """Rules as `GET /v1/rules` answers them, or a list of such.

    Raises:
        InputError: the file is missing or no such JSON, or the rules contradict each other.
    """
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        given = told["rules"] if isinstance(told, dict) else told
        fields = Rule.model_fields.keys()
        # beside a rule the service says whether it acts, and which products are not known
        rules = [
            Rule.model_validate({name: one[name] for name in one.keys() & fields}) for one in given
        ]
    except OSError as error:
        raise InputError(f"cannot read rules from {file}: {error.strerror}") from error
    except ValidationError as error:
        wrong = error.errors()[0]
        place = ".".join(map(str, wrong["loc"])) or "rule"
        raise InputError(f"{file}: {place}: {wrong['msg']}; it is {wrong['input']!r}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{file} holds no rules; write there what GET /v1/rules answers"
        ) from error
    check(rules)
    return rules


def _there(timelines: Timelines, at: int) -> npt.NDArray[np.bool_]:
    """Of whom anything was known just before an instant, shape (customers,)."""
    rows = timelines.rows
    known = np.cumsum(visible(rows.at, rows.known_at, rows.known_until, at))
    return np.diff(np.concatenate([[0], known])[timelines.offsets]) > 0


def _items(shelf: Shelf, catalog: Catalog) -> list[dict[str, object]]:
    return [
        {
            "product_id": catalog.ids[item.product],
            "title": catalog.title(item.product),
            "reason": item.reason,
            "source": item.source,
            "score": item.score,
            "probability": item.probability,
            "propensity": item.propensity,
            "rule": item.rule,
        }
        for item in shelf.items
    ]
