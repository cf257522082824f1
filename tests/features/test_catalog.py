"""The catalogue: one numbering that only grows."""

from pathlib import Path

import pytest

from features.catalog import Catalog, Product
from features.errors import InputError, StorageError


def shop() -> Catalog:
    return Catalog.of(
        [
            Product(product_id="pot", category="Garden > Pots", brand="Alba", price=9.0),
            Product(product_id="mug", category="Kitchen", attributes={"colour": "red"}),
            Product(product_id="blue-mug", parent_id="mug", category="Kitchen", brand="Bo"),
            Product(product_id="s-red", parent_id="shirt"),
            Product(product_id="s-blue", parent_id="shirt"),
        ]
    )


def test_variants_stand_under_their_parent_or_the_first_of_them() -> None:
    assert shop().parent.tolist() == [0, 1, 1, 3, 3]


def test_categories_and_brands_are_numbered_by_first_appearance() -> None:
    assert shop().categories == ["Garden > Pots", "Kitchen"]
    assert shop().category.tolist() == [0, 1, 1, -1, -1]
    assert shop().brand.tolist() == [0, -1, 1, -1, -1]


def test_an_update_keeps_the_numbers_of_products_categories_and_brands() -> None:
    after = shop().extended(
        [
            Product(product_id="pot", category="Terrace", price=8.0),
            Product(product_id="lamp", category="Light", brand="Cy"),
        ]
    )
    assert after.ids[:5] == shop().ids
    assert after.categories == ["Garden > Pots", "Kitchen", "Terrace", "Light"]
    assert after.category.tolist() == [2, 1, 1, -1, -1, 3]
    assert after.brand.tolist() == [0, -1, 1, -1, -1, 2]
    assert after.price[0] == 8.0


def test_numbers_survive_the_disk(tmp_path: Path) -> None:
    after = shop().extended([Product(product_id="pot", category="Terrace")])
    after.save(tmp_path / "catalog.parquet")
    loaded = Catalog.load(tmp_path / "catalog.parquet")
    assert loaded.categories == after.categories
    assert loaded.category.tolist() == after.category.tolist()
    assert loaded.product(1).attributes == {"colour": "red"}


def test_a_product_listed_twice_is_refused() -> None:
    with pytest.raises(InputError, match="lists a product id twice"):
        Catalog.of([Product(product_id="pot"), Product(product_id="pot")])


def test_a_missing_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot read the catalogue"):
        Catalog.load(tmp_path / "catalog.parquet")


def test_an_unknown_product_is_named() -> None:
    with pytest.raises(InputError, match="has no product 'sofa'"):
        shop().find("sofa")
