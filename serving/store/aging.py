"""Events past their period, out of the store: portion by portion, each in its own transaction."""

from collections.abc import Mapping

import numpy as np
from sqlalchemy import Connection, and_, or_, select

from features.events.row import ROW
from serving.store import linking, rows
from serving.store import schema as t
from serving.store.database import Lock
from serving.store.numbering import rows_among
from serving.store.part import SqlPart


class SqlAging(SqlPart):
    """What ages in the store."""

    def age_events(self, cutoffs: Mapping[int, int], *, limit: int) -> int:
        """Delete own events; see `Store.age_events`."""
        if not cutoffs:
            return 0
        aged = or_(
            *(
                and_(t.events.c.type == code, t.events.c.timestamp < before)
                for code, before in cutoffs.items()
            )
        )
        asked = select(t.events.c.sequence, t.events.c.event_id).where(aged).limit(limit)

        def work(connection: Connection) -> int:
            self._database.lock(connection, Lock.HISTORY)
            found = connection.execute(asked).all()
            ids = [{"id": id_} for id_ in sorted(rows.id_hash(row.event_id) for row in found)]
            self._database.insert(connection, t.history_ids, ids, "skip")
            with self._database.overwriting(connection):
                one_of, parameters = self._database.among([row.sequence for row in found])
                connection.exec_driver_sql(
                    f"DELETE FROM events WHERE sequence {one_of}", parameters
                )
            return len(found)

        return self._database.write("delete aged events", work)

    def age_rows(
        self, cutoffs: Mapping[int, int], *, after: int, limit: int
    ) -> tuple[int | None, int]:
        """Take rows out of timelines; see `Store.age_rows`."""
        before = np.full(256, np.iinfo(np.int64).min)
        for code, instant in cutoffs.items():
            before[code] = instant
        people = (
            select(t.people.c.number)
            .where(t.people.c.number > after)
            .order_by(t.people.c.number)
            .limit(limit)
        )

        def work(connection: Connection) -> tuple[int | None, int]:
            numbers = list(connection.scalars(people))
            self._database.lock_people(connection, numbers)
            sql = "SELECT person, part, rows FROM timeline_parts WHERE person {among}"
            changed, gone = [], 0
            for person, part, packed in rows_among(self._database, connection, sql, numbers):
                held = np.frombuffer(packed, ROW)
                kept = held[held["at"] >= before[held["type"]]]
                if len(kept) < len(held):
                    gone += len(held) - len(kept)
                    changed.append({"person": person, "part": part, "rows": kept.tobytes()})
            with self._database.overwriting(connection):
                self._database.insert(connection, t.timeline_parts, changed, "replace")
            linking.touch(self._database, connection, {row["person"] for row in changed})
            return (numbers[-1] if len(numbers) == limit else None), gone

        return self._database.write("delete aged rows", work)
