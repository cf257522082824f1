"""Whose word counts about a product that both the store and the event log know."""

from dataclasses import replace

from features.catalog import Product
from features.columns import Columns as C
from serving.store import Store


def fed(store: Store) -> dict[str, Product]:
    """Products that a feed told of, by id: of these the store knows more than the log."""
    return {told.product.product_id: told.product for told in store.fed(0)}


def merged(word: Product, other: Product) -> Product:
    """What `word` says of a product, and what only `other` says; seen first when either says."""
    said = {name: value for name, value in vars(word).items() if value not in (None, {})}
    seen = [at for at in (word.first_seen_at, other.first_seen_at) if at is not None]
    return replace(other, **said | {C.FIRST_SEEN_AT: min(seen, default=None)})
