"""Who is one person depends on the set of links and rulings, and on nothing else."""

from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from features.events.identifiers import Reader, Rules
from features.identity import FOREVER, NEVER, Link, Ruling, resolve
from features.instants import DAY_MS

USERS = ["ada", "ben", "cleo", "dan"]
OTHERS = ["card:1", "email:a", "email:b", "phone:1", "anonymous:x", "anonymous:y", "push:t"]
SMALL = Rules.of(
    {"email": {"joins": 2, "per_person": 2}, "anonymous_id": {"blocked": ["y"]}}, Reader()
)


@st.composite
def said(draw: st.DrawFn) -> tuple[list[Link], list[Ruling]]:
    """Links of a small world at a few instants, and some rulings between its users."""
    instants = st.integers(1, 6).map(lambda day: day * 100 * DAY_MS)
    pairs = st.one_of(
        st.tuples(st.sampled_from(USERS), st.sampled_from(OTHERS)),
        st.tuples(st.sampled_from(OTHERS[:4]), st.sampled_from(OTHERS[4:])),
        st.sampled_from([("ada", "ben"), ("card:1", "email:a")]),
    )
    links = draw(st.lists(st.builds(lambda p, at: Link(*p, at), pairs, instants), max_size=14))
    ruled = st.tuples(instants, st.permutations(USERS), st.booleans())
    rulings = draw(st.lists(ruled.map(lambda r: Ruling(r[0], r[1][0], r[1][1], r[2])), max_size=3))
    return links, rulings


def owners(
    links: Iterable[Link],
    rulings: Iterable[Ruling] = (),
    rules: Rules = SMALL,
    at: int = FOREVER - 1,
) -> dict[str, str]:
    """Who leads whom at an instant; identifiers that stand alone left out."""
    spans = resolve(links, rulings, rules).at(at).values()
    return {span.identifier: span.owner for span in spans if span.owner != span.identifier}


def test_a_device_belongs_to_the_one_user_who_logs_in_since_the_first_time() -> None:
    links = [Link("ada", "anonymous:x", 7), Link("ada", "anonymous:x", 3)]
    [before, after] = resolve(links).spans

    assert before == ("anonymous:x", "anonymous:x", NEVER, 3)
    assert after == ("anonymous:x", "ada", 3, FOREVER)


def test_a_device_with_two_users_is_nobodys_and_says_why() -> None:
    found = resolve([Link("ada", "anonymous:x", 1), Link("ben", "anonymous:x", 2)])

    assert found.refused == {"anonymous:x": "seen with more than 1 of user_id"}
    assert [span.owner for span in found.spans] == ["anonymous:x", "ada", "anonymous:x"]


def test_an_address_makes_two_accounts_one_person_and_brings_their_devices() -> None:
    links = [
        Link("ben", "anonymous:x", 1),
        Link("ben", "email:a", 2),
        Link("ada", "email:a", 3),
        Link("email:a", "phone:1", 4),
    ]

    assert owners(links) == dict.fromkeys(["ada", "anonymous:x", "email:a", "phone:1"], "ben")
    assert owners(links, at=2) == {"anonymous:x": "ben", "email:a": "ben"}


def test_an_address_of_too_many_accounts_joins_nobody_from_then_on() -> None:
    links = [Link(user, "email:a", at) for at, user in enumerate(USERS[:3], 1)]

    assert owners(links, at=2) == {"ben": "ada", "email:a": "ada"}
    assert owners(links, at=3) == {}


def test_a_blocked_value_joins_nobody() -> None:
    assert owners([Link("ada", "anonymous:y", 1)]) == {}
    assert "blocked" in resolve([Link("ada", "anonymous:y", 1)], (), SMALL).refused["anonymous:y"]


def test_ten_thousand_users_on_one_tablet_are_ten_thousand_people() -> None:
    links = [Link(f"u{i}", "anonymous:tablet", i) for i in range(10_000)]
    links += [Link(f"u{i}", f"anonymous:own{i}", i) for i in range(10_000)]

    found = owners(links)
    assert len(found) == 10_000
    assert all(
        owner == f"u{device.removeprefix('anonymous:own')}" for device, owner in found.items()
    )


def test_a_person_with_too_many_addresses_is_joined_without_them() -> None:
    links = [Link("ada", f"email:{n}", n) for n in range(3)] + [Link("ada", "anonymous:x", 5)]

    assert owners(links) == {"anonymous:x": "ada"}
    assert owners(links, at=1) == {"email:0": "ada", "email:1": "ada"}
    assert "at most 2" in resolve(links, (), SMALL).refused["email:2"]


def test_a_group_larger_than_any_person_is_not_joined() -> None:
    links = [Link("ada", f"anonymous:{n}", n) for n in range(30)]
    small = Rules(most=20)

    assert len(owners(links, rules=small, at=18)) == 19
    assert owners(links, rules=small) == {}


def test_a_push_token_that_was_not_seen_for_long_joins_nobody() -> None:
    links = [Link("ada", "push:t", 1), Link("ada", "push:t", 100 * DAY_MS)]

    assert owners(links, at=369 * DAY_MS) == {"push:t": "ada"}
    assert owners(links, at=371 * DAY_MS) == {}


def test_a_ruling_merges_nobody_with_what_joins_nobody() -> None:
    links = [Link("ada", "anonymous:x", 1), Link("ben", "anonymous:x", 2)]
    rulings = [Ruling(5, "ada", "anonymous:x", True), Ruling(6, "ben", "anonymous:x", True)]

    assert owners(links, rulings) == {}
    assert owners([], [Ruling(5, "ada", "anonymous:y", True)]) == {}


def test_a_ruling_merges_two_and_the_first_named_leads() -> None:
    links = [Link("ada", "anonymous:x", 1), Link("ben", "email:a", 2)]
    merged = owners(links, [Ruling(5, "ben", "ada", True)])

    assert merged == dict.fromkeys(["ada", "anonymous:x", "email:a"], "ben")


def test_a_ruling_keeps_two_apart_whom_an_address_joins() -> None:
    links = [Link("ada", "email:a", 1), Link("ben", "email:a", 2)]
    found = resolve(links, [Ruling(5, "ada", "ben", False)])

    assert found.at(4)["ben"].owner == "ada"
    assert found.at(5)["ben"].owner == "ben"
    assert found.at(5)["email:a"].owner == "ada"
    assert "decision" in found.refused["email:a"]


@given(said(), st.data())
def test_order_and_repetition_do_not_matter(
    told: tuple[list[Link], list[Ruling]], data: st.DataObject
) -> None:
    links, rulings = told
    again = data.draw(st.lists(st.sampled_from(links))) if links else []
    shuffled = data.draw(st.permutations([*links, *again]))
    ruled = data.draw(st.permutations(rulings * 2))

    assert resolve(shuffled, ruled, SMALL) == resolve(links, rulings, SMALL)


@given(said(), st.integers(0, 700))
def test_what_comes_later_changes_nothing_about_an_instant(
    told: tuple[list[Link], list[Ruling]], day: int
) -> None:
    links, rulings = told
    at = day * DAY_MS
    known = [link for link in links if link.linked_at <= at]
    ruled = [ruling for ruling in rulings if ruling.at <= at]

    assert owners(links, rulings, at=at) == owners(known, ruled, at=at)


@given(said(), st.permutations(USERS))
def test_merging_two_and_taking_it_back_is_as_if_nothing_had_happened(
    told: tuple[list[Link], list[Ruling]], users: list[str]
) -> None:
    links, _ = told
    before = owners(links)
    one, other = users[:2]
    if before.get(one, one) == before.get(other, other):
        return  # they were one already
    merge, back = Ruling(FOREVER - 9, one, other, True), Ruling(FOREVER - 8, one, other, False)

    merged = owners(links, [merge])
    assert merged.get(one, one) == merged.get(other, other)
    assert owners(links, [merge, back]) == before


@given(said())
def test_every_identifier_is_somebodys_at_every_moment(
    told: tuple[list[Link], list[Ruling]],
) -> None:
    links, rulings = told
    by_identifier: dict[str, list] = {}
    for span in resolve(links, rulings, SMALL).spans:
        by_identifier.setdefault(span.identifier, []).append(span)
    for spans in by_identifier.values():
        assert (spans[0].since, spans[-1].until) == (NEVER, FOREVER)
        assert all(a.until == b.since and a.owner != b.owner for a, b in pairwise(spans))


@given(said())
def test_whoever_leads_leads_themselves(told: tuple[list[Link], list[Ruling]]) -> None:
    links, rulings = told
    for day in range(0, 700, 50):
        found = owners(links, rulings, at=day * DAY_MS)
        assert not set(found.values()) & found.keys()


@given(said())
def test_a_plain_reading_of_links_alone_agrees(told: tuple[list[Link], list[Ruling]]) -> None:
    """Without limits, rulings and expiry: whoever can be reached is the same person."""
    links = [link for link in told[0] if link.weaker != "push:t"]
    near: dict[str, set[str]] = {}
    for link in links:
        near.setdefault(link.stronger, set()).add(link.weaker)
        near.setdefault(link.weaker, set()).add(link.stronger)
    no_limits = {
        kind: {"joins": 99, "per_person": 99}
        for kind in ("user_id", "loyalty_card", "email", "phone", "anonymous_id")
    }
    found = owners(links, rules=Rules.of(no_limits, Reader()))
    for start in near:
        reached, new = {start}, {start}
        while new:
            new = {other for each in new for other in near[each]} - reached
            reached |= new
        assert len({found.get(each, each) for each in reached}) == 1
        assert found.get(start, start) in reached
