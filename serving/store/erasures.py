"""Erasing people from the store, the receipts of it, and its agreement with the list outside."""

import json
import re
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from sqlalchemy import Connection, RowMapping, func, select

from features.errors import InputError, StorageError
from features.events.erasures import Erased, Erasure
from features.events.identifiers import bare, kind_of
from features.timeline import FOREVER
from serving.store import erasing, statements
from serving.store import schema as t
from serving.store.database import Lock
from serving.store.naming import naming
from serving.store.part import SqlPart
from serving.store.records import Receipt, Rejected

KEY = "erasures key"
"""The position that says which key the store's hashes are made with."""


class SqlErasures(SqlPart):
    """The store's erasures."""

    def erase(
        self,
        customer_id: str,
        *,
        who: str,
        why: str,
        clock: Callable[[], int],
        may_return: bool = True,
        spellings: Collection[str] = (),
    ) -> Receipt:
        """Remove everything of a customer; see `Store.erase`."""
        erasure_id = f"era_{uuid.uuid4().hex}"

        def work(connection: Connection) -> Receipt:
            self._database.lock(connection, Lock.HISTORY)  # nobody's events come in meanwhile
            ids = erasing.ids_of(self._database, connection, customer_id).union(spellings)
            _refuse_naming(ids, who=who, why=why)
            at = clock()
            received = erasing.last_received(self._database, connection, ids)
            hashes = {name: self._erasures.hash(name).hex() for name in ids}
            erasure = Erasure(
                erasure_id=erasure_id,
                at=at,
                until=max(at, received) if may_return else FOREVER,
                who=who,
                why=why,
                hashes=tuple(sorted(hashes.values())),
            )
            # first outside the store: what follows can then be done again, whatever happens
            self._erasures.add([erasure])
            return self._apply(connection, erasure, hashes, at)

        receipt = self._database.write("erase a customer", work)
        self._database.flush()
        return receipt

    def erased(self, known: int = 0) -> tuple[int, Erased] | None:
        """Everybody who was erased; see `Store.erased`."""

        def work(connection: Connection) -> tuple[int, Erased] | None:
            last = connection.scalar(select(func.max(t.erasures.c.sequence))) or 0
            if last <= known:
                return None
            rows = connection.execute(select(t.erased.c.hash, t.erased.c.until))
            until = {bytes(row.hash): int(row.until) for row in rows}
            return last, Erased(until, self._erasures.key_id)

        return self._database.read("read erasures", work)

    def was_erased(self, customer_id: str) -> bool:
        """Whether this very id is listed."""
        asked = {customer_id}
        return bool(
            self._database.read(
                "read erasures",
                lambda c: erasing.until(self._database, c, self._erasures, asked),
            )
        )

    def receipt(self, erasure_id: str) -> Receipt | None:
        """One erasure's receipt."""
        asked = select(t.erasures).where(t.erasures.c.erasure_id == erasure_id)
        row = self._database.read("read an erasure", lambda c: c.execute(asked).mappings().first())
        return None if row is None else _receipt_of(row)

    def receipts(self, *, before: int | None = None, limit: int = 100) -> list[Receipt]:
        """Receipts, newest first."""
        asked = select(t.erasures).order_by(t.erasures.c.sequence.desc()).limit(limit)
        if before is not None:
            asked = asked.where(t.erasures.c.sequence < before)
        found = self._database.read("read erasures", lambda c: c.execute(asked).mappings().all())
        return [_receipt_of(row) for row in found]

    def quarantined_of(self, customer_id: str) -> list[Rejected]:
        """Messages kept aside that name a customer."""

        def work(connection: Connection) -> list[Rejected]:
            ids = connection.scalars(statements.IDENTIFIERS, {"asked": customer_id})
            return naming(connection, {customer_id, *ids})

        return self._database.read("read the quarantine", work)

    def reconcile_erasures(self, clock: Callable[[], int]) -> int:
        """Apply what the store lacks, and list what the list lacks; see the interface."""
        self._check_key()
        listed = _merged(self._erasures.all())
        known = self._database.read("read erasures", _known)
        lacking = [erasure for erasure in listed.values() if erasure.erasure_id not in known]
        if lacking:
            self._database.write("erase again", lambda c: self._again(c, lacking, clock()))
            self._database.flush()
        unlisted = known - listed.keys()
        if unlisted:
            self._erasures.add(self._database.read("read erasures", lambda c: _of(c, unlisted)))
        return len(lacking)

    def _check_key(self) -> None:
        """Refuse a key that the store's hashes were not made with; keep the first one's name."""

        def work(connection: Connection) -> str | None:
            if connection.scalar(select(t.erased.c.hash).limit(1)) is not None:
                return connection.scalar(statements.POSITION, {"asked": KEY})
            position = {"name": KEY, "value": self._erasures.key_id}
            self._database.insert(connection, t.positions, [position], "replace")
            return self._erasures.key_id

        held = self._database.read(
            "read a position", lambda c: c.scalar(statements.POSITION, {"asked": KEY})
        )
        if held != self._erasures.key_id:
            held = self._database.write("store a position", work)
        if held != self._erasures.key_id:
            raise StorageError(
                "the store's hashes of erased people were made with another key than "
                f"{self._erasures.folder}/key; copy that file from the machine or the backup "
                "that has it, or erased people could come back"
            )

    def _again(self, connection: Connection, lacking: Collection[Erasure], now: int) -> None:
        self._database.lock(connection, Lock.HISTORY)
        done = _known(connection)  # another worker may have been first
        wanted = {digest for erasure in lacking for digest in erasure.hashes}
        names = erasing.named_by_hashes(connection, self._erasures, wanted)
        for erasure in lacking:
            if erasure.erasure_id not in done:
                theirs = {
                    name: digest for name, digest in names.items() if digest in erasure.hashes
                }
                self._apply(connection, erasure, theirs, now)

    def _apply(
        self, connection: Connection, erasure: Erasure, hashes: Mapping[str, str], now: int
    ) -> Receipt:
        """Delete everything under these ids, and keep hashes and receipt instead."""
        pseudonyms = {
            name: kind_of(name).of(f"{erasing.PSEUDONYM}{digest}")
            for name, digest in hashes.items()
        }
        removed = erasing.erase(self._database, connection, hashes.keys(), pseudonyms)
        erasing.put_hashes(connection, erasure)
        receipt = Receipt(
            erasure_id=erasure.erasure_id,
            at=erasure.at,
            until=erasure.until,
            applied_at=now,
            who=erasure.who,
            why=erasure.why,
            removed=removed,
        )
        row = {name: value for name, value in vars(receipt).items() if name != "sequence"}
        self._database.insert(
            connection, t.erasures, [{**row, "removed": json.dumps(dict(removed))}]
        )
        return receipt


def _refuse_naming(ids: Collection[str], **texts: str) -> None:
    """A receipt outlives the person, so it may not name them."""
    for field, text in texts.items():
        for name in ids:
            value = re.escape(bare(name))
            if re.search(rf"(?<!\w){value}(?!\w)", text):
                raise InputError(
                    f"{field}: holds an id of the customer; the receipt remains when they are "
                    "gone, so write it without"
                )


def _merged(erasures: Collection[Erasure]) -> dict[str, Erasure]:
    """By id; a transaction that was run again has listed its erasure again."""
    found: dict[str, Erasure] = {}
    for erasure in erasures:
        before = found.get(erasure.erasure_id, erasure)
        hashes = tuple(sorted({*before.hashes, *erasure.hashes}))
        until = max(before.until, erasure.until)
        found[erasure.erasure_id] = replace(erasure, hashes=hashes, until=until)
    return found


def _known(connection: Connection) -> set[str]:
    return set(connection.scalars(select(t.erasures.c.erasure_id)))


def _of(connection: Connection, erasure_ids: Collection[str]) -> list[Erasure]:
    """Erasures as the list has them."""
    hashes: dict[str, list[str]] = {}
    for row in connection.execute(select(t.erased.c.erasure_id, t.erased.c.hash)):
        hashes.setdefault(row.erasure_id, []).append(bytes(row.hash).hex())
    return [
        Erasure(
            erasure_id=receipt.erasure_id,
            at=receipt.at,
            until=receipt.until,
            who=receipt.who,
            why=receipt.why,
            hashes=tuple(sorted(hashes.get(receipt.erasure_id, ()))),
        )
        for row in connection.execute(select(t.erasures).order_by("sequence")).mappings()
        if (receipt := _receipt_of(row)).erasure_id in erasure_ids
    ]


def _receipt_of(row: RowMapping) -> Receipt:
    return Receipt(**{**row, "removed": json.loads(row["removed"])})
