"""The lists that were shown, kept until another way of choosing can be judged by them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, delete, select

from serving.store import erasing, statements
from serving.store import schema as t
from serving.store.database import Lock
from serving.store.numbering import rows_among
from serving.store.part import SqlPart
from serving.store.records import Impression

_NUMBERS = "SELECT customer_id, number FROM people WHERE customer_id {among}"


class SqlImpressions(SqlPart):
    """The store's impressions."""

    def put_impressions(self, impressions: Sequence[Impression]) -> None:
        """Keep lists, each once; see `Store.put_impressions`."""
        named = {one.customer_id for one in impressions if one.customer_id is not None}
        written = [
            json.dumps(one.items) for one in impressions
        ]  # others' writes do not wait for it

        def work(connection: Connection) -> None:
            # nobody is erased between the look for it and the commit
            self._database.lock(connection, Lock.HISTORY, shared=True)
            erased = erasing.until(self._database, connection, self._erasures, named)
            numbers = dict(rows_among(self._database, connection, _NUMBERS, named))
            rows = []
            for one, items in zip(impressions, written, strict=True):
                number = None
                if one.customer_id is not None:
                    last, _ = erased.get(one.customer_id, (-1, ""))
                    number = numbers.get(one.customer_id)
                    if number is None or one.at <= last + 1:  # as with scores
                        continue
                rows.append(
                    {
                        "recommendation_id": one.recommendation_id,
                        "person": number,
                        "at": one.at,
                        "placement": one.placement,
                        "version": one.version,
                        "items": items,
                    }
                )
            self._database.lock(connection, Lock.IMPRESSIONS)
            self._database.insert(connection, t.impressions, rows, "skip")

        self._database.write("store what was shown", work)

    def impressions(self, customer_id: str) -> list[Impression]:
        """What was shown to a customer."""
        return self._shown(statements.IMPRESSIONS, {"asked": customer_id})

    def impressions_after(self, sequence: int, limit: int) -> list[Impression]:
        """What was kept after a sequence."""
        return self._shown(statements.IMPRESSIONS_AFTER, {"after": sequence, "limit": limit})

    def age_impressions(self, before: int, *, limit: int) -> int:
        """Delete what was shown before an instant."""
        old = select(t.impressions.c.sequence).where(t.impressions.c.at < before).limit(limit)
        gone = delete(t.impressions).where(t.impressions.c.sequence.in_(old.scalar_subquery()))

        def work(connection: Connection) -> int:
            with self._database.overwriting(connection):
                return connection.execute(gone).rowcount

        return self._database.write("delete aged impressions", work)

    def _shown(self, statement: Select[Any], parameters: Mapping[str, Any]) -> list[Impression]:
        found = self._database.read(
            "read what was shown", lambda c: c.execute(statement, parameters).mappings().all()
        )
        return [
            Impression(**{**row, "items": tuple(map(tuple, json.loads(row["items"])))})
            for row in found
        ]
