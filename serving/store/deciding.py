"""Timers, and the decisions that come of them."""

from sqlalchemy import Connection, bindparam, delete, insert, update

from serving.store import erasing, rows, statements
from serving.store import schema as t
from serving.store.database import Lock
from serving.store.part import SqlPart
from serving.store.records import Decision, Due, Timer, Version


class SqlDecisions(SqlPart):
    """The store's timers and decisions."""

    def claim(self, now: int, *, until: int, limit: int = 100) -> list[Due]:
        """Take due timers, so that no two workers take the same."""
        asked = {"now": now, "limit": limit}

        def work(connection: Connection) -> list[Due]:
            found = connection.execute(statements.CLAIMABLE, asked).mappings()
            due = [Due(**row, claimed_until=until) for row in found]
            if due:
                connection.execute(
                    update(t.timers)
                    .where(
                        t.timers.c.trigger == bindparam("by"), t.timers.c.person == bindparam("of")
                    )
                    .values(claimed_until=until),
                    [{"by": timer.trigger, "of": timer.person} for timer in due],
                )
            return due

        # almost always nothing is due, and then no lock is needed
        if self._database.read(
            "look for due timers", lambda c: c.execute(statements.DUE, asked | {"limit": 1}).first()
        ):
            return self._database.write("claim timers", work)
        return []

    def settle(self, due: Due, decision: Decision | None, *, version: Version) -> bool:
        """End a timer with its decision; see `Store.settle`."""
        held = (
            (t.timers.c.trigger == due.trigger)
            & (t.timers.c.person == due.person)
            & (t.timers.c.due_at == due.due_at)
            & (t.timers.c.claimed_until == due.claimed_until)
        )

        def work(connection: Connection) -> bool:
            now = connection.execute(statements.LOCKED_VERSION, {"asked": due.customer_id})
            if tuple((number, changed) for number, changed in now) != version:
                connection.execute(update(t.timers).where(held).values(claimed_until=0))
                return False
            if not connection.execute(delete(t.timers).where(held)).rowcount:
                return False
            if decision is not None:
                connection.execute(insert(t.decisions), rows.decision_row(decision))
            return True

        return self._database.write("end a timer", work)

    def record(self, decision: Decision) -> None:
        """Keep a decision, unless its customer was erased while it was made."""

        def work(connection: Connection) -> None:
            self._database.lock(connection, Lock.HISTORY, shared=True)
            asked = [decision.customer_id]
            erased = erasing.until(self._database, connection, self._erasures, asked)
            last, _ = erased.get(decision.customer_id, (-1, ""))
            if decision.inputs_at > last + 1:  # what was acknowledged at `last` was looked at
                connection.execute(insert(t.decisions), rows.decision_row(decision))

        self._database.write("record a decision", work)

    def timers(self, customer_id: str) -> list[Timer]:
        """The looks that are still to come."""
        found = self._database.read(
            "read timers",
            lambda c: c.execute(statements.TIMERS, {"asked": customer_id}).mappings().all(),
        )
        return [Timer(**row) for row in found]

    def decision(self, decision_id: str) -> Decision | None:
        """One decision."""
        row = self._database.read(
            "read a decision",
            lambda c: c.execute(statements.DECISION, {"asked": decision_id}).mappings().first(),
        )
        return None if row is None else rows.decision_of(row)

    def decisions(
        self, customer_id: str, *, kind: str | None = None, limit: int = 100
    ) -> list[Decision]:
        """A customer's decisions, newest first."""
        asked = statements.decisions(customer_id, kind, limit)
        found = self._database.read("read decisions", lambda c: c.execute(asked).mappings().all())
        return [rows.decision_of(row) for row in found]
