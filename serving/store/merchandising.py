"""The rules of the shelf: what the shop wants shown more, less, at a place, or not at all."""

import json
from collections.abc import Callable, Sequence

from sqlalchemy import Connection, func, select

from serving.store import schema as t
from serving.store import statements
from serving.store.database import Lock
from serving.store.part import SqlPart
from serving.store.records import KeptRule, Told


class SqlRules(SqlPart):
    """The store's rules."""

    def last_told(self) -> Told:
        """The last feed and the last change of a rule."""
        row = self._database.read("read the rules", lambda c: c.execute(statements.LAST_TOLD).one())
        return Told(row.fed, row.ruled)

    def rules(self, known: int = 0) -> tuple[int, list[KeptRule]] | None:
        """The rules by name; see `Store.rules`."""
        last, kept = self._database.read("read the rules", _rules)
        return (last, kept) if last > known else None

    def put_rule(
        self, rule: KeptRule, agrees: Callable[[Sequence[KeptRule]], None] = lambda _: None
    ) -> None:
        """Add or replace a rule that agrees with the others; see `Store.put_rule`."""

        def work(connection: Connection) -> None:
            self._database.lock(connection, Lock.RULES)
            _, others = _rules(connection)
            agrees([other for other in others if other.name != rule.name])
            self._change(connection, rule.name, rule.changed_at, rule.changed_by, dict(rule.rule))

        self._database.write("store a rule", work)

    def end_rule(self, name: str, *, at: int, by: str) -> bool:
        """Let a rule go; see `Store.end_rule`."""

        def work(connection: Connection) -> bool:
            self._database.lock(connection, Lock.RULES)
            _, kept = _rules(connection)
            if all(rule.name != name for rule in kept):
                return False
            self._change(connection, name, at, by, None)
            return True

        return self._database.write("store a rule", work)

    def _change(
        self, connection: Connection, name: str, at: int, by: str, rule: dict[str, object] | None
    ) -> None:
        last = connection.scalar(select(func.max(t.rules.c.change))) or 0
        row = {
            "name": name,
            "rule": None if rule is None else json.dumps(rule),
            "changed_at": at,
            "changed_by": by,
            "change": last + 1,
        }
        self._database.insert(connection, t.rules, [row], "replace")


def _rules(connection: Connection) -> tuple[int, list[KeptRule]]:
    """The number of the last change, and the rules that there are."""
    found = connection.execute(statements.RULES).all()
    kept = [
        KeptRule(row.name, json.loads(row.rule), row.changed_at, row.changed_by, row.change)
        for row in found
        if row.rule is not None
    ]
    return max((row.change for row in found), default=0), kept
