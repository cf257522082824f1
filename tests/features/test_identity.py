"""Who is behind an id depends on the set of links, and on nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from features.identity import LINKS, Link, Owner, customer_id, owner, people, table_of

links = st.lists(
    st.builds(
        Link,
        user_id=st.sampled_from(["ada", "ben", "cleo"]),
        anonymous_id=st.sampled_from(["phone", "tablet", "laptop"]),
        linked_at=st.integers(1, 5),
    ),
    max_size=12,
)


def owners(*of: Link) -> dict[str, Owner]:
    return {
        row["anonymous_id"]: Owner(row["user_id"], row["linked_at"])
        for row in people(table_of(of)).to_pylist()
    }


def test_an_id_linked_with_one_user_is_theirs_since_the_first_link() -> None:
    assert owners(Link("ada", "phone", 7), Link("ada", "phone", 3)) == {"phone": Owner("ada", 3)}


def test_an_id_linked_with_several_users_is_nobodys() -> None:
    assert owners(Link("ada", "tablet", 1), Link("ben", "tablet", 2)) == {}


def test_a_user_may_have_several_ids() -> None:
    linked = owners(Link("ada", "phone", 1), Link("ada", "laptop", 2))

    assert linked == {"phone": Owner("ada", 1), "laptop": Owner("ada", 2)}


def test_without_links_nobody_is_linked() -> None:
    assert people(table_of([])).schema.equals(LINKS)
    assert owners() == {}
    assert owner([Link("ada", "phone", 1)], "laptop") is None


def test_a_visitors_customer_id_cannot_be_a_users() -> None:
    assert customer_id("phone", None) == "phone"
    assert customer_id(None, "phone") == "anonymous:phone"
    assert customer_id("ada", "phone") == "ada"


@given(links, st.data())
def test_order_and_repetition_of_links_do_not_matter(
    linked: list[Link], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(linked))) if linked else []
    shuffled = data.draw(st.permutations([*linked, *again]))

    assert people(table_of(shuffled)).equals(people(table_of(linked)))


@given(links)
def test_a_plain_reading_of_the_rule_agrees(linked: list[Link]) -> None:
    users: dict[str, set[str]] = {}
    for link in linked:
        users.setdefault(link.anonymous_id, set()).add(link.user_id)
    expected = {
        anonymous_id: Owner(
            *of, min(link.linked_at for link in linked if link.anonymous_id == anonymous_id)
        )
        for anonymous_id, of in users.items()
        if len(of) == 1
    }

    assert owners(*linked) == expected
    for anonymous_id in ("phone", "tablet", "laptop"):
        assert owner(linked, anonymous_id) == expected.get(anonymous_id)
