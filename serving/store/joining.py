"""Whom identifiers lead to, read and settled anew outside of what an event does."""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, select

from features.events.identifiers import KINDS
from features.identity import Ruling
from features.instants import DAY_MS
from serving.store import linking
from serving.store import schema as t
from serving.store.numbering import rows_among
from serving.store.part import SqlPart

EXPIRED_AT_ONCE = 500
"""Identifiers settled in one transaction."""


class SqlIdentity(SqlPart):
    """The store's rulings and refusals."""

    def rulings(self, customer_id: str) -> list[Ruling]:
        """What was decided about any of a person's identifiers, oldest first."""
        asked = t.people.alias("asked")
        theirs = (
            select(t.people.c.customer_id)
            .join(asked, t.people.c.owner == asked.c.owner)
            .where(asked.c.customer_id == customer_id)
        )
        ruled = t.rulings.c
        found = select(ruled.at, ruled.into, ruled.other, ruled.same).where(
            ruled.into.in_(theirs) | ruled.other.in_(theirs)
        )
        told = self._database.read("read rulings", lambda c: c.execute(found).all())
        return sorted(Ruling(at, into, other, bool(same)) for at, into, other, same in told)

    def leaders(self, identifiers: Collection[str]) -> dict[str, str]:
        """Whom identifiers lead to, of those that are known."""
        sql = """SELECT p.customer_id, o.customer_id FROM people AS p
            JOIN people AS o ON o.number = p.owner WHERE p.customer_id {among}"""

        def work(connection: Connection) -> dict[str, str]:
            found = rows_among(self._database, connection, sql, identifiers)
            return {row[0]: row[1] for row in found}

        return self._database.read("look up a customer", work)

    def refused(self, *, after: str = "", limit: int = 100) -> list[tuple[str, str]]:
        """Identifiers that join nobody, or not all, and why; by name."""
        people = t.people.c
        found = (
            select(people.customer_id, people.refused)
            .where(people.refused.is_not(None), people.customer_id > after)
            .order_by(people.customer_id)
            .limit(limit)
        )
        told = self._database.read("read refusals", lambda c: c.execute(found).all())
        return [(identifier, reason) for identifier, reason in told]

    def refusal(self, customer_id: str) -> str | None:
        """Why an identifier joins nobody, or not all."""
        asked = select(t.people.c.refused).where(t.people.c.customer_id == customer_id)
        return self._database.read("read a refusal", lambda c: c.scalar(asked))

    def settle_expired(self, now: int) -> int:
        """Let go of identifiers that were not seen for as long as their kind lasts; how many."""

        def work(connection: Connection) -> int:
            expired = self._expired(connection, now)
            linking.settle(self._database, connection, expired, self._rules, now)
            return len(expired)

        if not self._database.read("look for expired identifiers", lambda c: self._expired(c, now)):
            return 0
        return self._database.write("let go of expired identifiers", work)

    def settle_all(self) -> int:
        """Settle everybody anew, as after a change of the rules; how many identifiers."""
        done, last = 0, -1
        while part := self._settled_after(last):
            done, last = done + len(part), part[-1]
        return done

    def _settled_after(self, last: int) -> Sequence[int]:
        return self._database.write(
            "settle identities", lambda connection: self._settle_after(connection, last)
        )

    def _settle_after(self, connection: Connection, last: int) -> Sequence[int]:
        people = t.people.c
        found = connection.execute(
            select(people.number, people.customer_id)
            .where(people.number > last)
            .order_by(people.number)
            .limit(EXPIRED_AT_ONCE)
        ).all()
        numbers = [row.number for row in found]
        if numbers:
            one_of, parameters = self._database.among(numbers)
            connection.exec_driver_sql(
                f"UPDATE people SET refused = NULL WHERE number {one_of}", parameters
            )
            names = [row.customer_id for row in found]
            linking.settle(self._database, connection, names, self._rules)
        return numbers

    def _expired(self, connection: Connection, now: int) -> list[str]:
        """Identifiers that are still led by another although their last link has expired."""
        expired: list[str] = []
        for kind in KINDS:
            days = self._rules.kinds[kind.name].expires_days
            if days is None or kind.expires_days is None:
                continue
            people, links = t.people.c, t.links.c
            seen = select(links.weaker).where(
                links.weaker == people.customer_id, links.linked_at > now - days * DAY_MS
            )
            found = (
                select(people.customer_id)
                .where(
                    people.customer_id >= kind.prefix,
                    people.customer_id < f"{kind.prefix[:-1]};",  # the character after the colon
                    people.owner != people.number,
                    ~seen.exists(),
                )
                .limit(EXPIRED_AT_ONCE)
            )
            expired += connection.scalars(found).all()
        return expired
