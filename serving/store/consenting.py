"""The consent ledger's rows, inside one transaction of the caller's."""

import json
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam

from features.consents import Consent, ConsentRules, consents_of
from features.events.preferences import PREFERENCES
from features.timeline import FOREVER
from serving.store import rows, statements
from serving.store import schema as t
from serving.store.database import Database
from serving.store.numbering import rows_among

_CARRIED = """\
SELECT person, purpose, channel, at, status FROM consents WHERE person {among} AND carried"""

_STAMPED = statements.EVENTS.where(
    t.events.c.person == bindparam("of"),
    t.events.c.timestamp > bindparam("after"),
    t.events.c.timestamp < bindparam("until"),
    t.events.c.properties.contains(f'"{PREFERENCES}"'),
).order_by(t.events.c.timestamp)

Key = tuple[int, str, str]
"""A person's number, a purpose and a channel."""

Answer = tuple[int, bool, str]
"""When a banner was answered, whether denied, and the status; at one instant a denial is last."""


def append(
    database: Database,
    connection: Connection,
    consents: Sequence[tuple[int, Consent]],
    rules: ConsentRules,
) -> None:
    """Keep what events said on their own, and of what they carried along what is news.

    A banner's categories come with every event. They are kept where they differ from what the
    same id's events carried before. One that arrives late and differs ends what went on, so
    that the stored event which said it again is news now. So the ledger's changes are the same
    in whatever order they arrive.

    Arguments:
        database: where to.
        connection: in a transaction that has locked these people and not yet stored the events.
        consents: of new events, with the number of the id they came under.
        rules: what a banner's categories mean.
    """
    add(database, connection, [(person, c) for person, c in consents if not c.carried])
    carried = [(person, c) for person, c in consents if c.carried]
    if carried:
        carried.sort(key=lambda told: told[1].at)
        add(database, connection, list(_news(database, connection, carried, rules)))


def add(
    database: Database, connection: Connection, consents: Sequence[tuple[int, Consent]]
) -> None:
    """Keep statements; those of an event that is known change nothing."""
    database.insert(connection, t.consents, [_row(*told) for told in consents], "skip")


def consent_of(row: RowMapping) -> Consent:
    """The statement that was kept."""
    return Consent(**{**row, "together": tuple(json.loads(row["together"] or "[]"))})


def _row(person: int, consent: Consent) -> dict[str, Any]:
    return {
        "person": person,
        "purpose": consent.purpose,
        "channel": consent.channel,
        "status": consent.status,
        "at": consent.at,
        "event_id": consent.event_id,
        "source": consent.source,
        "expires_at": consent.expires_at,
        "carried": consent.carried,
        "together": json.dumps(consent.together) if consent.together else None,
    }


def _news(
    database: Database,
    connection: Connection,
    carried: Sequence[tuple[int, Consent]],
    rules: ConsentRules,
) -> Iterator[tuple[int, Consent]]:
    """Those that say something new, and what they uncover; `carried` is in the order of time."""
    answers: dict[Key, list[Answer]] = defaultdict(list)
    people = {person for person, _ in carried}
    for person, purpose, channel, at, status in rows_among(database, connection, _CARRIED, people):
        insort(answers[person, purpose, channel], (at, status == "denied", status))
    between: dict[tuple[int, int, int], list[Consent]] = {}
    for person, consent in carried:
        known = answers[person, consent.purpose, consent.channel]
        place = bisect_right(known, consent.at, key=lambda answer: answer[0])
        if place and known[place - 1][2] == consent.status:
            continue
        following = known[place][0] if place < len(known) else FOREVER
        span = person, consent.at, following
        if span not in between:  # once for all that an event says
            between[span] = list(_between(connection, *span, rules))
        about = consent.purpose, consent.channel
        contrary = (
            later
            for later in between[span]
            if (later.purpose, later.channel) == about and later.status != consent.status
        )
        for news in (consent, *islice(contrary, 1)):
            insort(known, (news.at, news.status == "denied", news.status))
            yield person, news


def _between(
    connection: Connection, person: int, after: int, until: int, rules: ConsentRules
) -> Iterator[Consent]:
    """What the id's stored events carried between two instants, in the order of time."""
    asked = {"of": person, "after": after, "until": until}
    for row in connection.execute(_STAMPED, asked).mappings():
        for consent in consents_of(rows.event_of(row).event, rules):
            if consent.carried:
                yield consent
