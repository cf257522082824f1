"""What the shop says of products, as weighted words."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.feature_extraction import FeatureHasher

from features.catalog import Catalog
from features.columns import Columns as C

TEXT = (C.PARENT_ID, C.TITLE, C.CATEGORY, C.BRAND, C.ATTRIBUTES)
"""Columns of the catalogue that similarity depends on."""

WEIGHTS = {"title": 1.0, "letters": 0.8, "category": 0.7, "brand": 0.5, "attributes": 0.5}
"""How much each kind counts beside the others, before rare words count more. The title says what
a thing is; runs of letters find what is compounded or inflected; the rest tells like from like."""

LETTERS = 4
"""Length of a run of letters within a word; the word itself counts when it is not longer."""

LONGEST = 40
"""Characters beyond which an attribute's value is a description or an address, no property."""

_WORD = re.compile(r"\w+")
_HASHER = FeatureHasher(2**31 - 1, input_type="pair", dtype=np.float32, alternate_sign=False)


def words(catalog: Catalog, first: int = 0) -> sp.csr_matrix:
    """Parents' words: products from `first` on × hashes of words, float32.

    Variants have none, as their parent speaks for them. Without a title, a category, a brand
    and attributes a product has none either.
    """
    table = catalog.table.slice(first)
    columns = [table[name].to_pylist() for name in (C.TITLE, C.CATEGORY, C.BRAND, C.ATTRIBUTES)]
    if not table.num_rows:
        return unsaid(0)
    is_parent = (catalog.parent[first:] == np.arange(first, len(catalog))).tolist()
    rows = zip(is_parent, *columns, strict=True)
    return _HASHER.transform(_weighted(*said) if parent else () for parent, *said in rows)


def unsaid(products: int) -> sp.csr_matrix:
    """As `words`, of products of which nothing is said."""
    return sp.csr_matrix((products, _HASHER.n_features), dtype=np.float32)


def _weighted(
    title: str | None, category: str | None, brand: str | None, attributes: str | None
) -> Iterator[tuple[str, float]]:
    """The words of a product, each kind's with a norm of its weight."""
    of_title = _WORD.findall((title or "").casefold())
    kinds = {
        "title": of_title,
        "letters": [run for word in of_title for run in _runs(word)],
        "category": _paths(category) if category else (),
        "brand": (brand.casefold(),) if brand else (),
        "attributes": _properties(attributes) if attributes else (),
    }
    for kind, found in kinds.items():
        for word in found:
            yield f"{kind} {word}", WEIGHTS[kind] / len(found) ** 0.5


def _runs(word: str) -> Iterator[str]:
    """Runs of letters, with the word's beginning and end.

    >>> list(_runs("stuhl"))
    [' stu', 'stuh', 'tuhl', 'uhl ']
    """
    if len(word) >= LETTERS:
        padded = f" {word} "
        for begin in range(len(padded) - LETTERS + 1):
            yield padded[begin : begin + LETTERS]


@lru_cache(10_000)
def _paths(category: str) -> tuple[str, ...]:
    """A category and those around it.

    >>> _paths("Garden > Pots")
    ('garden', 'garden > pots')
    """
    parts = [part.strip().casefold() for part in category.split(">")]
    return tuple(" > ".join(parts[: depth + 1]) for depth in range(len(parts)))


@lru_cache(10_000)
def _properties(attributes: str) -> tuple[str, ...]:
    """Names and values of attributes.

    >>> _properties('{"color": "Red", "size": ["M", "L"]}')
    ('color=red', 'size=m', 'size=l')
    """
    held: Mapping[str, Any] = json.loads(attributes)
    pairs = (
        (name, value)
        for name, values in held.items()
        for value in (values if isinstance(values, list) else (values,))
        if isinstance(value, str | int | float)
    )
    found = (f"{name}={value}".casefold() for name, value in pairs if len(str(value)) <= LONGEST)
    return tuple(dict.fromkeys(found))
