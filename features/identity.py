"""Which person stands behind an identifier: a pure function of what is known to belong together.

A *link* says that two identifiers were seen together; a *ruling*, that somebody decided that two
people are one, or are not. The order in which they arrive, and how often, does not matter.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from features.events.event import Event
from features.events.identifiers import RANK, Rules, kind_of, rank
from features.instants import DAY_MS

FOREVER = 2**63 - 1
NEVER = -(2**63)

DEFAULT_RULES = Rules()

RULINGS = ("Customers Merged", "Customers Separated")
"""The events that are rulings: the customer is `into`, the property other_id `other`."""


SHARED = "seen with more than "
BLOCKED = "blocked by the shop's rules"
"""Why an identifier joins nobody, and never will again by the same rules."""


class Link(NamedTuple):
    """Two identifiers seen together, the stronger first; known since `linked_at` (instant).

    Of kinds that expire there is a link for each day on which they were seen together; of others
    only the first counts.
    """

    stronger: str
    weaker: str
    linked_at: int


class Ruling(NamedTuple):
    """Somebody's word, from an instant on: `other` is the same person as `into`, or is not."""

    at: int
    into: str
    other: str
    same: bool


class Span(NamedTuple):
    """Whose an identifier was from an instant until another; `owner` leads the person."""

    identifier: str
    owner: str
    since: int
    until: int


@dataclass(frozen=True)
class Resolution:
    """Who belongs together."""

    spans: list[Span] = field(default_factory=list)
    """Of each identifier that ever belonged to another: all its time without a gap, in order."""
    refused: dict[str, str] = field(default_factory=dict)
    """Identifiers that join nobody now, or not all they were seen with, and why."""

    def at(self, instant: int) -> dict[str, Span]:
        """The span at an instant of each identifier that ever belonged to another."""
        return {s.identifier: s for s in self.spans if s.since <= instant < s.until}


def links_of(identifiers: Sequence[str], linked_at: int) -> list[Link]:
    """What an event with these identifiers, the strongest first, says: all go with the first."""
    return [Link(identifiers[0], weaker, linked_at) for weaker in identifiers[1:]]


def ruling_of(event: Event) -> Ruling | None:
    """The ruling that an event is; None of all other events."""
    if event.name not in RULINGS:
        return None
    other = json.loads(event.properties or "{}")["other_id"]
    same = event.name == RULINGS[0]
    return Ruling(event.received_at, event.customer_id, other, same)


def link_key(link: Link) -> tuple[str, str, int]:
    """Links of one key say the same; the earliest counts. The last part is a day, or 0."""
    expires = kind_of(link.weaker).expires_days is not None
    return link.stronger, link.weaker, link.linked_at // DAY_MS if expires else 0


def resolve(
    links: Iterable[Link], rulings: Iterable[Ruling] = (), rules: Rules = DEFAULT_RULES
) -> Resolution:
    """Who is one person, and since when.

    An identifier that is blocked, or linked with more values of a stronger kind than its kind
    joins, joins nobody from then on. What is left is joined in the order of the links, but not
    where a ruling keeps two identifiers apart. A person with too many identifiers of one kind is
    joined without them, and a group with too many in all is not joined. The person is named by the
    strongest identifier, of several by the one that was linked first; whoever is merged into
    another, or takes another user id, is named by that.

    Arguments:
        links: in any order.
        rulings: in any order; the latest of two identifiers holds.
        rules: the shop's limits.
    """
    refused: dict[str, str] = {}
    edges, shared = _edges(links, rules, refused)
    merges, walls = _ruled(rulings, shared, rules, refused)
    edges += merges
    walled = {end for wall in walls for end in (wall.stronger, wall.weaker)}
    spans: list[Span] = []
    for group in _groups(edges):
        star = None if group[0].stronger in walled else _star(group, rules)
        spans += _spans(group, walls, rules, refused) if star is None else star
    spans.sort(key=lambda span: (span.identifier, span.since))
    return Resolution(spans, refused)


class _Edge(NamedTuple):
    since: int
    stronger: str
    weaker: str
    until: int
    ruled: bool = False


def _edges(
    links: Iterable[Link], rules: Rules, refused: dict[str, str]
) -> tuple[list[_Edge], dict[str, int]]:
    """The links with the time in which they join, and since when identifiers join nobody."""
    first: dict[tuple[str, str, int], Link] = {}
    for link in links:
        key = link_key(link)
        if key not in first or link.linked_at < first[key].linked_at:
            first[key] = link
    shared = _shared_since(first.values(), rules, refused)
    edges = []
    for stronger, weaker, since in first.values():
        until = min(shared.get(stronger, FOREVER), shared.get(weaker, FOREVER))
        days = rules.kind(weaker).expires_days
        if days is not None:
            until = min(until, since + days * DAY_MS)
        if since < until:
            edges.append(_Edge(since, stronger, weaker, until))
    return edges, shared


def _shared_since(links: Iterable[Link], rules: Rules, refused: dict[str, str]) -> dict[str, int]:
    """Since when identifiers join nobody: blocked ones never did."""
    partners: dict[str, dict[str, int]] = defaultdict(dict)
    shared: dict[str, int] = {}
    for stronger, weaker, at in links:
        held = partners[weaker]
        held[stronger] = min(at, held.get(stronger, at))
        for identifier in (stronger, weaker):
            if identifier in rules.kind(identifier).blocked:
                shared[identifier] = NEVER
                refused[identifier] = BLOCKED
    for weaker, met in partners.items():
        kind = rules.kind(weaker)
        if len(met) <= kind.joins or weaker in shared:
            continue
        by_kind: dict[str, list[int]] = defaultdict(list)
        for stronger, at in met.items():
            by_kind[kind_of(stronger).name].append(at)
        over = [
            (sorted(ats)[kind.joins], name)
            for name, ats in by_kind.items()
            if len(ats) > kind.joins
        ]
        if over:
            shared[weaker], name = min(over)
            refused[weaker] = f"{SHARED}{kind.joins} of {name}"
    return shared


def _ruled(
    rulings: Iterable[Ruling],
    shared: Mapping[str, int],
    rules: Rules,
    refused: dict[str, str],
) -> tuple[list[_Edge], list[_Edge]]:
    """Merges, and what keeps apart, each with its time; what joins nobody is not merged either."""
    of: dict[frozenset[str], list[Ruling]] = defaultdict(list)
    for ruling in set(rulings):
        of[frozenset((ruling.into, ruling.other))].append(ruling)
    merges: list[_Edge] = []
    walls: list[_Edge] = []
    for told in of.values():
        told.sort()
        for ruling, following in zip(told, [*told[1:], None], strict=True):
            until = FOREVER if following is None else following.at
            if ruling.same:
                for end in (ruling.into, ruling.other):
                    until = min(until, shared.get(end, FOREVER))
                    if end in rules.kind(end).blocked:
                        until, refused[end] = NEVER, BLOCKED
            if ruling.at < until:
                edge = _Edge(ruling.at, ruling.into, ruling.other, until, ruled=True)
                (merges if ruling.same else walls).append(edge)
    return merges, walls


def _groups(edges: Sequence[_Edge]) -> list[list[_Edge]]:
    """The edges that touch one another at whatever time, in a fixed order."""
    forest = _Forest()
    for edge in edges:
        forest.join(edge.stronger, edge.weaker)
    groups: dict[str, list[_Edge]] = defaultdict(list)
    for edge in edges:
        groups[forest.root(edge.stronger)].append(edge)
    return [sorted(group) for group in groups.values()]


_USER, _VISITOR = RANK[""], RANK["anonymous:"]


def _star(group: Sequence[_Edge], rules: Rules) -> list[Span] | None:
    """The spans of one user with some devices, as nearly everybody is; None where there is more."""
    user = group[0].stronger
    if rank(user) != _USER or len(group) >= min(rules.kinds["anonymous_id"].per_person, rules.most):
        return None
    if any(e.stronger != user or rank(e.weaker) != _VISITOR or e.ruled for e in group):
        return None
    spans = []
    for since, owner, visitor, until, _ in group:
        spans += [Span(visitor, visitor, NEVER, since), Span(visitor, owner, since, until)]
        if until != FOREVER:
            spans.append(Span(visitor, visitor, until, FOREVER))
    return spans


def _spans(
    group: Sequence[_Edge], walls: Sequence[_Edge], rules: Rules, refused: dict[str, str]
) -> list[Span]:
    """The spans of a group, settled anew at every instant at which something changes."""
    members = {end for edge in group for end in (edge.stronger, edge.weaker)}
    near = [wall for wall in walls if {wall.stronger, wall.weaker} <= members]
    changes = sorted({at for edge in (*group, *near) for at in (edge.since, edge.until)})
    owned: dict[str, list[Span]] = {each: [Span(each, each, NEVER, FOREVER)] for each in members}
    for at in changes:
        if at == FOREVER:
            break
        now: dict[str, str] = {}
        active = [edge for edge in group if edge.since <= at < edge.until]
        apart = [(w.stronger, w.weaker) for w in near if w.since <= at < w.until]
        owners = _settled(active, apart, rules, now)
        for each in members:
            last = owned[each][-1]
            owner = owners.get(each, each)
            if owner != last.owner:
                owned[each][-1] = last._replace(until=at)
                owned[each].append(Span(each, owner, at, FOREVER))
    refused.update(now)
    return [span for each in sorted(members) if len(owned[each]) > 1 for span in owned[each]]


def _settled(
    edges: Sequence[_Edge],
    apart: Sequence[tuple[str, str]],
    rules: Rules,
    refused: dict[str, str],
) -> dict[str, str]:
    """Who leads whom by these edges, which are in order."""
    forest = _Forest(apart)
    seen: dict[str, int] = {}
    leads: dict[str, str] = {}
    for edge in edges:
        ends = (edge.stronger, edge.weaker)
        one, other = (leads.get(forest.root(end), end) for end in ends)
        for end in ends:
            seen.setdefault(end, edge.since)
        if not forest.join(*ends):
            refused[edge.weaker] = f"kept apart from {edge.stronger} by a decision"
            continue
        if edge.ruled or rank(edge.stronger) == rank(edge.weaker):
            keeps = rank(one) <= rank(other)  # the first of the two goes on to lead
        else:
            keeps = (rank(one), seen[one], one) <= (rank(other), seen[other], other)
        leads[forest.root(edge.stronger)] = one if keeps else other
    for edge in edges:  # what joined the two anyway does not turn a ruling round
        root = forest.root(edge.stronger)
        if (
            edge.ruled
            and leads.get(root) == edge.weaker
            and rank(edge.stronger) == rank(edge.weaker)
        ):
            leads[root] = edge.stronger
    groups: dict[str, list[_Edge]] = defaultdict(list)
    for edge in edges:
        if forest.root(edge.stronger) == forest.root(edge.weaker):
            groups[forest.root(edge.stronger)].append(edge)
    owners: dict[str, str] = {}
    for group in groups.values():
        members = {end for edge in group for end in (edge.stronger, edge.weaker)}
        extra = _too_many(members, rules, refused)
        if extra:
            left = [e for e in group if e.stronger not in extra and e.weaker not in extra]
            owners |= _settled(left, apart, rules, refused)
        else:
            leader = leads[forest.root(group[0].stronger)]
            owners |= dict.fromkeys(members, leader)
    return owners


def _too_many(members: Collection[str], rules: Rules, refused: dict[str, str]) -> set[str]:
    """The members that join nobody since there are too many of them: of the weakest kind first."""
    by_kind: dict[str, set[str]] = defaultdict(set)
    for member in members:
        by_kind[kind_of(member).name].add(member)
    for kind in reversed(tuple(rules.kinds.values())):
        found = by_kind[kind.name]
        if len(found) > kind.per_person:
            refused |= dict.fromkeys(
                found,
                f"one person would have {len(found)} of {kind.name}, "
                f"at most {kind.per_person} join",
            )
            return found
    if len(members) > rules.most:
        refused |= dict.fromkeys(
            members, f"one person would have {len(members)} identifiers, at most {rules.most} join"
        )
        return set(members)
    return set()


class _Forest:
    """Disjoint sets, some of which must stay apart.

    Arguments:
        apart: pairs that never come into one set.
    """

    def __init__(self, apart: Sequence[tuple[str, str]] = ()) -> None:
        self._parent: dict[str, str] = {}
        self._apart: dict[str, set[str]] = defaultdict(set)
        for one, other in apart:
            self._apart[one].add(other)
            self._apart[other].add(one)

    def root(self, member: str) -> str:
        """What stands for the set of a member."""
        parent = self._parent
        parent.setdefault(member, member)
        while parent[member] != member:
            parent[member] = parent[parent[member]]
            member = parent[member]
        return member

    def join(self, one: str, other: str) -> bool:
        """Make two sets one; False, and nothing is done, when they must stay apart."""
        first, second = self.root(one), self.root(other)
        if first == second:
            return True
        if any(self.root(enemy) == second for enemy in self._apart[first]):
            return False
        self._parent[second] = first
        self._apart[first] |= self._apart.pop(second, set())
        return True
