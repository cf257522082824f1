"""A shop's past in the store, and how far the work of loading and exporting has come."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from features.consents import Consent
from features.identity import Link
from serving.store import appending, consenting, linking, rows, statements
from serving.store import schema as t
from serving.store.database import Lock
from serving.store.numbering import number_people
from serving.store.part import SqlPart
from serving.store.records import HistoryPerson


class SqlHistory(SqlPart):
    """What is loaded into the store beside the events it takes in."""

    def put_links(self, links: Sequence[Link]) -> None:
        """Add links."""

        def work(connection: Connection) -> None:
            people = number_people(self._database, connection, linking.linked(links))
            self._database.lock_people(connection, people.values())
            linking.add_links(self._database, connection, links, people)

        self._database.write("store the links", work)

    def put_consents(self, consents: Sequence[tuple[str, Consent]]) -> None:
        """Add past statements."""

        def work(connection: Connection) -> None:
            people = number_people(self._database, connection, {person for person, _ in consents})
            self._database.lock_people(connection, people.values())
            consenting.add(
                self._database, connection, [(people[person], c) for person, c in consents]
            )

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
            numbers = number_people(self._database, connection, [p.customer_id for p in people])
            self._database.lock_people(connection, numbers.values())
            appending.replace_history(
                self._database, connection, [(numbers[p.customer_id], p.rows) for p in people]
            )
            linking.touch(self._database, connection, numbers.values())
            self._put_position(connection, _loaded(fingerprint), str(position))

        self._database.write("load the history", work)

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
