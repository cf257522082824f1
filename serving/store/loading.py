"""A shop's past in the store, and how far the work of loading and exporting has come."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, select

from features.consents import Consent
from features.identity import Link, Ruling
from serving.store import appending, consenting, erasing, linking, rows, statements
from serving.store import schema as t
from serving.store.database import Lock
from serving.store.numbering import number_people
from serving.store.part import SqlPart
from serving.store.records import HistoryPerson


class SqlHistory(SqlPart):
    """What is loaded into the store beside the events it takes in."""

    def put_links(self, links: Sequence[Link], rulings: Sequence[Ruling] = ()) -> None:
        """Add links and rulings."""

        def work(connection: Connection) -> None:
            last = self._erased(connection, linking.linked(links, rulings))

            def after(at: int, *ends: str) -> bool:
                return all(at > last.get(end, (-1, ""))[0] for end in ends)

            new = [x for x in links if after(x.linked_at, x.stronger, x.weaker)]
            ruled = [x for x in rulings if after(x.at, x.into, x.other)]
            people = number_people(self._database, connection, linking.linked(new, ruled))
            self._database.lock_people(connection, people.values())
            linking.add_links(self._database, connection, new, ruled, self._rules)

        self._database.write("store the links", work)

    def put_consents(self, consents: Sequence[tuple[str, Consent]]) -> None:
        """Add past statements."""

        def work(connection: Connection) -> None:
            last = self._erased(connection, {person for person, _ in consents})
            new = [(p, c) for p, c in consents if c.at > last.get(p, (-1, ""))[0]]
            people = number_people(self._database, connection, {person for person, _ in new})
            self._database.lock_people(connection, people.values())
            consenting.add(self._database, connection, [(people[person], c) for person, c in new])

        self._database.write("store the consents", work)

    def put_history_ids(self, event_ids: Sequence[str]) -> set[str]:
        """Count the ids of loaded history, but for those of own events, which it gives."""

        def work(connection: Connection) -> set[str]:
            self._database.lock(connection, Lock.HISTORY)
            own = appending.own(self._database, connection, event_ids)
            new = sorted(rows.id_hash(event_id) for event_id in event_ids if event_id not in own)
            new_ids = [{"id": id_} for id_ in new]
            self._database.insert(connection, t.history_ids, new_ids, "skip")
            return own

        return self._database.write("load the history", work)

    def history_position(self, fingerprint: str) -> int:
        """How many customers of a history are loaded."""
        return int(self.position(_loaded(fingerprint)) or 0)

    def put_history(self, fingerprint: str, position: int, people: Sequence[HistoryPerson]) -> None:
        """Replace customers' past before the store's own events."""

        def work(connection: Connection) -> None:
            last = self._erased(connection, {p.customer_id for p in people})
            packed = {
                p.customer_id: erasing.later(p.rows, last[p.customer_id][0])
                if p.customer_id in last
                else p.rows
                for p in people
            }
            packed = {i: their for i, their in packed.items() if their or i not in last}
            numbers = number_people(self._database, connection, packed)
            self._database.lock_people(connection, numbers.values())
            appending.replace_history(
                self._database, connection, [(numbers[i], their) for i, their in packed.items()]
            )
            linking.touch(self._database, connection, numbers.values())
            self._put_position(connection, _loaded(fingerprint), str(position))

        self._database.write("load the history", work)

    def _erased(
        self, connection: Connection, customer_ids: Collection[str]
    ) -> dict[str, tuple[int, str]]:
        """Who of them was erased, which nobody is until the transaction ends."""
        self._database.lock(connection, Lock.HISTORY, shared=True)
        return erasing.until(self._database, connection, self._erasures, customer_ids)

    def put_bought(self, bought: Mapping[int, int]) -> None:
        """Replace the loaded history's counts."""

        def work(connection: Connection) -> None:
            # by number, as all who change several products
            connection.execute(select(t.products.c.number).order_by("number").with_for_update())
            connection.execute(statements.FORGET_BOUGHT)
            if bought:
                connection.execute(
                    statements.ADD_BOUGHT,
                    [{"of": number, "before": count} for number, count in sorted(bought.items())],
                )

        self._database.write("store the counts", work)

    def position(self, name: str) -> str | None:
        """How far the work of this name has come."""
        return self._database.read(
            "read a position", lambda c: c.scalar(statements.POSITION, {"asked": name})
        )

    def put_position(self, name: str, value: str) -> None:
        """Remember how far the work of this name has come."""
        self._database.write("store a position", lambda c: self._put_position(c, name, value))

    def _put_position(self, connection: Connection, name: str, value: str) -> None:
        position = {"name": name, "value": value}
        self._database.insert(connection, t.positions, [position], "replace")


def _loaded(fingerprint: str) -> str:
    return f"history:{fingerprint}"
