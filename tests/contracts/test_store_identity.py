"""Who is one person does not depend on the order in which it is told, nor on who tells it."""

from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.events.event import Event
from features.events.identifiers import Reader
from features.events.schema import schema
from features.events.validation import parse
from features.identity import RULINGS, Link
from tests.contracts.events import MINUTE, NOON, append, viewed

READER = Reader(b"key")

numbers = count()

told = st.lists(
    st.tuples(
        st.sampled_from(["ann", "ben", "cleo", None]),
        st.sampled_from(["x", "y", "z", None]),
        st.sampled_from(["a", "b", None]),
    ).filter(any),
    min_size=1,
    max_size=10,
)


def events_of(steps, world):
    """The events of a world of their own, each at its own instant."""
    return [
        parse(
            {
                "type": "track",
                "event": "Cart Viewed",
                "messageId": f"{world}m{place}",
                **({"userId": world + user} if user else {}),
                **({"anonymousId": world + visitor} if visitor else {}),
                "properties": {"email": f"{world}{email}@shop.example"} if email else {},
            },
            NOON + place * MINUTE,
            reader=READER,
        )
        for place, (user, visitor, email) in enumerate(steps)
    ]


def people_of(store, events):
    """For each event's person: who leads, all identifiers and the rows, in this world's numbers."""
    names = [i for event in events for i in event.customer_ids]
    place = {name: names.index(name) for name in names}
    people = [store.person(name) for name in names]
    return [
        (place[p.customer_id], {place[i] for i in p.identifiers}, p.timeline.rows().tobytes())
        for p in people
    ]


@given(told, st.randoms(use_true_random=False), st.booleans())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_order_of_events_and_duplicates_gives_the_same_people(store, steps, random, at_once):
    in_turn = events_of(steps, f"w{next(numbers)}")
    for event in in_turn:
        append(store, event)

    anyhow = events_of(steps, f"w{next(numbers)}")
    shuffled = [*anyhow, *random.sample(anyhow, len(anyhow) // 2)]
    random.shuffle(shuffled)
    for part in [shuffled] if at_once else [[event] for event in shuffled]:
        append(store, *part)
    assert people_of(store, anyhow) == people_of(store, in_turn)


@given(told, st.integers(0, 9))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_merge_taken_back_leaves_everybody_as_they_were(store, steps, place):
    world = f"w{next(numbers)}"
    events = events_of([*steps, ("ann", None, None), ("dora", None, None)], world)
    append(store, *events)
    before = people_of(store, events)
    for at, name in enumerate(RULINGS):
        append(
            store, ruling(name, f"{world}ann", f"{world}dora", NOON + (20 + at + place) * MINUTE)
        )
    after = people_of(store, events)
    assert [(leads, ids) for leads, ids, _ in after] == [(leads, ids) for leads, ids, _ in before]


def ruling(name, into, other, at):
    return Event(
        event_id=f"{name} {into} {at}",
        type=schema().code(name),
        name=name,
        timestamp=at,
        received_at=at,
        channel="other",
        user_id=into,
        properties=f'{{"other_id": "{other}"}}',
    )


def test_merged_people_have_one_timeline_and_get_their_own_back(store):
    append(store, viewed("e1", user="ann"), viewed("e2", user="ben"))
    alone = {user: store.person(user).timeline for user in ("ann", "ben")}
    append(store, ruling(RULINGS[0], "ann", "ben", NOON + 1))
    together = store.person("ben")
    assert (together.customer_id, together.identifiers) == ("ann", ("ann", "ben"))
    assert len(together.timeline) == 2
    append(store, viewed("e3", user="ben", timestamp=NOON + 1, received_at=NOON + 1))
    append(store, ruling(RULINGS[1], "ann", "ben", NOON + 2))
    assert store.person("ann").timeline.to_bytes() == alone["ann"].to_bytes()
    assert store.person("ben").timeline.until(NOON + 1).to_bytes() == alone["ben"].to_bytes()
    assert len(store.person("ben").timeline) == 2
    assert [r.same for r in store.rulings("ben")] == [True, False]


def test_links_of_loaded_history_and_of_events_are_the_same_links(store):
    append(store, viewed("e1", user="ann", visitor="v"))
    store.put_links([Link("ann", "card:1", NOON), Link("ben", "card:1", NOON + 1)])
    assert set(store.person("card:1").identifiers) == {"ann", "ben", "card:1", "anonymous:v"}


def test_a_person_that_falls_apart_is_seen_apart_by_all(store, open_another):
    other = open_another()
    for user in ("u1", "u2", "u3"):
        store.put_links([Link(user, "email:home", NOON)])
    assert len(other.person("u3").identifiers) == 4
    versions = other.person("u2").version
    store.put_links([Link("u4", "email:home", NOON)])
    for user in ("u1", "u2", "u3", "u4"):
        assert other.person(user).identifiers == (user,)
    assert other.person("u2").version != versions
    assert store.refused() == [("email:home", "seen with more than 3 of user_id")]
