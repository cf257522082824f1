"""What was served, kept until it can be judged."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, delete, select

from features.instants import DAY_MS
from serving.store import erasing, statements
from serving.store import schema as t
from serving.store.database import Lock
from serving.store.numbering import rows_among
from serving.store.part import SqlPart
from serving.store.records import Score

_NUMBERS = "SELECT customer_id, number FROM people WHERE customer_id {among}"


class SqlScores(SqlPart):
    """The store's scores."""

    def put_scores(self, scores: Sequence[Score]) -> None:
        """Keep the first of each person, version and day; see `Store.put_scores`."""
        named = {score.customer_id for score in scores}

        def work(connection: Connection) -> None:
            # nobody is erased between the look for it and the commit
            self._database.lock(connection, Lock.HISTORY, shared=True)
            erased = erasing.until(self._database, connection, self._erasures, named)
            numbers = dict(rows_among(self._database, connection, _NUMBERS, named))
            first: dict[tuple[int, str, int], Score] = {}
            for score in scores:
                last, _ = erased.get(score.customer_id, (-1, ""))
                number = numbers.get(score.customer_id)
                # what was acknowledged at `last` was looked at
                if number is not None and score.at > last + 1:
                    first.setdefault((number, score.version, score.at // DAY_MS), score)
            self._database.lock(connection, Lock.SCORES)
            rows = [
                {
                    "person": number,
                    "version": version,
                    "day": day,
                    "at": score.at,
                    "horizon_days": score.horizon_days,
                    "probability": score.probability,
                }
                for (number, version, day), score in first.items()
            ]
            self._database.insert(connection, t.scores, rows, "skip")

        self._database.write("store what was served", work)

    def scores(self, customer_id: str) -> list[Score]:
        """What was served of a customer."""
        return self._read(statements.SCORES, {"asked": customer_id})

    def scores_after(self, sequence: int, limit: int) -> list[Score]:
        """What was kept after a sequence."""
        return self._read(statements.SCORES_AFTER, {"after": sequence, "limit": limit})

    def age_scores(self, before: int, *, limit: int) -> int:
        """Delete what was served before an instant."""
        old = select(t.scores.c.sequence).where(t.scores.c.at < before).limit(limit)
        gone = delete(t.scores).where(t.scores.c.sequence.in_(old.scalar_subquery()))

        def work(connection: Connection) -> int:
            with self._database.overwriting(connection):
                return connection.execute(gone).rowcount

        return self._database.write("delete aged scores", work)

    def _read(self, statement: Select[Any], parameters: Mapping[str, Any]) -> list[Score]:
        found = self._database.read(
            "read what was served", lambda c: c.execute(statement, parameters).mappings().all()
        )
        return [Score(**row) for row in found]
