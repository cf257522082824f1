"""Which customers of a log may be profiled and personalised for, at every instant of the past.

As for features, what counts at an instant is what was known then: a statement from when it
arrived, a visitor's statements from the link that made them the customer's until that ended.
Whoever objects as of the log's end is left out of every instant before it as well.
"""

import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from features.consents import PERSONALISATION, PROFILING, Consent, ConsentRules, standing
from features.consents.of_log import Said, dissent, statements
from features.consents.permit import Permit
from features.events import engine
from features.events.log import EventLog
from features.identity import FOREVER, Span, resolve
from features.links import told_by
from features.timeline import Timelines

PURPOSES = (PROFILING, PERSONALISATION)
"""What training, scoring and frames ask for."""


@dataclass(frozen=True)
class _Line:
    """A line of somebody's ledger, and from when until when it was known to be theirs."""

    consent: Consent
    begin: int
    until: int


def permitted(timelines: Timelines, log: EventLog, rules: ConsentRules) -> Timelines:
    """The timelines of a log, with who allows which purpose and when.

    Raises:
        StorageError: the disk is full.
    """
    with engine.full_disk_said(log.path), tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        against = dissent(log, folder, rules, PURPOSES)
        spans = resolve(*told_by(log), log.rules).spans if against.customer_ids else []
        ids = _joined(against.customer_ids, spans)
        lines = statements(log, folder, rules, customer_ids=ids, purposes=PURPOSES)
        told = list(lines) if ids else []
    ledgers = _ledgers(told, spans)
    by_place = dict(_placed(timelines, ledgers))
    now = max(log.last_at, against.known_at)
    return replace(
        timelines,
        permits={purpose: _permit(purpose, by_place, rules, now) for purpose in PURPOSES},
    )


def _joined(customer_ids: Collection[str], spans: Iterable[Span]) -> set[str]:
    """These ids, and all whose statements stand in a ledger with one of theirs."""
    owners = {span.owner for span in spans if span.identifier in customer_ids}
    theirs = owners.union(customer_ids)
    return theirs.union(span.identifier for span in spans if span.owner in theirs)


def _ledgers(told: Iterable[Said], spans: Iterable[Span]) -> Mapping[str, Sequence[_Line]]:
    """Everybody's ledger by customer id; a line stands also where its identifier led to."""
    owned: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        if span.owner != span.identifier:
            owned[span.identifier].append(span)
    out: dict[str, list[_Line]] = defaultdict(list)
    for said in told:
        who = said.consent.customer_id
        out[who].append(_Line(said.consent, said.known_at, FOREVER))
        for _, owner, since, until in owned.get(who, ()):
            if said.known_at < until:
                line = replace(said.consent, joined_at=since)
                out[owner].append(_Line(line, max(said.known_at, since), until))
    return out


def _placed(
    timelines: Timelines, ledgers: Mapping[str, Sequence[_Line]]
) -> Iterator[tuple[int, Sequence[_Line]]]:
    """Ledgers by their customer's place; a visitor who was never alone has no timeline."""
    if not ledgers or not len(timelines):
        return
    encoded = np.array([who.encode() for who in ledgers], dtype=np.bytes_)
    found = np.searchsorted(timelines.customers, encoded)
    last = len(timelines) - 1
    there = timelines.customers[np.minimum(found, last)] == encoded
    for place, hit, lines in zip(found.tolist(), there.tolist(), ledgers.values(), strict=True):
        if hit:
            yield place, lines


def _permit(
    purpose: str, ledgers: Mapping[int, Sequence[_Line]], rules: ConsentRules, now: int
) -> Permit:
    default = rules.unsaid(purpose)
    spans = [
        (place, begin, until)
        for place, lines in ledgers.items()
        for begin, until in _contrary(
            purpose, [line for line in lines if line.consent.purpose == purpose], rules
        )
    ]
    table = np.array(spans, np.int64).reshape(-1, 3)
    return Permit(default, now, table[:, 0], table[:, 1], table[:, 2])


def _contrary(
    purpose: str, lines: Sequence[_Line], rules: ConsentRules
) -> Iterator[tuple[int, int]]:
    """When the contrary of the default held; evaluated wherever something may have changed."""
    granted = [line.consent.status == "granted" for line in lines]
    if all(granted) if rules.unsaid(purpose) else not any(granted):
        return  # nearly everybody: all they said is the default
    changes = {line.begin for line in lines} | {line.until for line in lines}
    changes |= {max(line.begin, line.consent.at) for line in lines}
    changes |= {x for line in lines if (x := line.consent.expires_at) is not None}
    begin: int | None = None
    for at in sorted(changes - {FOREVER}):
        known = [line.consent for line in lines if line.begin <= at < line.until]
        contrary = standing(known, rules, purpose, at=at).allowed != rules.unsaid(purpose)
        if contrary and begin is None:
            begin = at
        elif not contrary and begin is not None:
            yield begin, at
            begin = None
    if begin is not None:
        yield begin, FOREVER
