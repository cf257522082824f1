from pathlib import Path

import pytest

from features.errors import InputError
from models.next_product import GENERATORS, placements
from models.next_product.placements import Placement


def test_the_placements_of_a_shop_page_are_there() -> None:
    assert set(placements()) == {
        "home",
        "product_similar",
        "product_bought_together",
        "cart",
        "order_confirmation",
        "email",
        "search",
        "associate",
    }
    assert placements()["cart"].complements
    assert "bought" in placements()["associate"].shows


def test_every_generator_can_be_a_source() -> None:
    for kind in GENERATORS:
        asked = Placement(name="mine", title="Mine", sources={kind.name: 1.0})
        assert kind.name in asked.sources


def test_a_shops_own_placements_come_beside_ours_or_in_their_stead(tmp_path: Path) -> None:
    (tmp_path / "home.toml").write_text('title = "Hello"\nk = 4\n')
    (tmp_path / "blog.toml").write_text('title = "Read on"\n')
    found = placements(tmp_path)
    assert found["home"].k == 4
    assert found["blog"].title == "Read on"
    assert found["cart"] == placements()["cart"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('title = "x"\nk = 0\n', r"blog.toml: k = 0: .*greater than or equal to 1"),
        ('title = "x"\nanchor = "page"\n', r"blog.toml: anchor = 'page'"),
        ('title = "x"\ncolour = "red"\n', r"blog.toml: colour = 'red': Extra inputs"),
        ('title = "x"\nshows = ["age"]\n', r"blog.toml: shows.0 = 'age'"),
        ('title = "x"\n[sources]\nmagic = 1\n', r"blog.toml: sources.magic"),
        ("k = 3\n", r"blog.toml: title"),
        ("k = \n", r"blog.toml is no TOML"),
    ],
)
def test_a_wrong_file_field_and_value_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "blog.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        Placement.load(path)


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read the placement .*home.toml"):
        Placement.load(tmp_path / "home.toml")
    with pytest.raises(InputError, match="no folder of placements"):
        placements(tmp_path / "nowhere")
