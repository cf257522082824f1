"""Keys, and who asked about whom with them."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, case, delete, or_, select, update

from serving.store import erasing, statements
from serving.store import schema as t
from serving.store.database import Lock, upsert
from serving.store.numbering import rows_among
from serving.store.part import SqlPart
from serving.store.records import Access, Key

_KEYS = select(*(column for column in t.api_keys.columns if column.name != "sequence")).order_by(
    t.api_keys.c.sequence
)

_KNOWN = "SELECT customer_id FROM people WHERE customer_id {among}"


class SqlAccess(SqlPart):
    """The store's keys and its access log."""

    def api_keys(self) -> list[Key]:
        """All keys, in the order in which they were made."""
        found = self._database.read("read the keys", lambda c: c.execute(_KEYS).mappings().all())
        return [Key(**{**row, "scopes": _listed(row["scopes"])}) for row in found]

    def put_key(self, key: Key, *, only_first: bool = False) -> bool:
        """Keep a new key, or the first one; see `Store.put_key`."""
        row = {**asdict(key), "scopes": ",".join(key.scopes)}

        def work(connection: Connection) -> bool:
            self._database.lock(connection, Lock.KEYS)
            if only_first and connection.execute(_KEYS.limit(1)).first() is not None:
                return False
            new = upsert(connection, t.api_keys).on_conflict_do_nothing()
            return connection.scalar(new.returning(t.api_keys.c.key_id), row) is not None

        return self._database.write("store a key", work)

    def end_key(self, key_id: str, at: int) -> bool:
        """Let a key end, never later than it would have."""
        key = t.api_keys.c
        sooner = case((or_(key.ends_at.is_(None), key.ends_at > at), at), else_=key.ends_at)
        ended = update(t.api_keys).where(key.key_id == key_id).values(ends_at=sooner)
        return bool(self._database.write("end a key", lambda c: c.execute(ended).rowcount))

    def put_accesses(self, accesses: Sequence[Access]) -> None:
        """Add to the access log, in the order given; of the erased by their erasures' ids."""

        def work(connection: Connection) -> None:
            # nobody is erased between the look for it and the commit
            self._database.lock(connection, Lock.HISTORY, shared=True)
            named = {a.customer_id for a in accesses if a.customer_id is not None}
            erased = erasing.until(self._database, connection, self._erasures, named)
            returned = {name for (name,) in rows_among(self._database, connection, _KNOWN, erased)}

            def told(access: Access) -> str | None:
                last, erasure_id = erased.get(access.customer_id or "", (-1, ""))
                is_new = access.customer_id in returned and access.at > last
                return access.customer_id if not erasure_id or is_new else erasure_id

            rows = [
                {
                    "at": access.at,
                    "key_name": access.key_name,
                    "scopes": ",".join(access.scopes),
                    "method": access.method,
                    "endpoint": access.endpoint,
                    "customer_id": told(access),
                }
                for access in accesses
            ]
            self._database.insert(connection, t.accesses, rows)

        self._database.write("store who read what", work)

    def accesses(
        self, *, customer_id: str | None = None, before: int | None = None, limit: int = 100
    ) -> list[Access]:
        """Who asked about whom, newest first."""
        asked = statements.accesses(customer_id, before, limit)
        found = self._database.read(
            "read who read what", lambda c: c.execute(asked).mappings().all()
        )
        return [Access(**{**row, "scopes": _listed(row["scopes"])}) for row in found]

    def forget_accesses(self, customer_ids: Sequence[str]) -> int:
        """Drop what was asked about these ids."""
        theirs = delete(t.accesses).where(t.accesses.c.customer_id.in_(list(customer_ids)))
        return self._database.write("forget who read what", lambda c: c.execute(theirs).rowcount)


def _listed(scopes: str) -> tuple[str, ...]:
    return tuple(scopes.split(","))
