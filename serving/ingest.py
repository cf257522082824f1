"""From messages in Segment's form to stored events, consents, timers and quarantine."""

from asyncio import get_running_loop
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

import orjson

from features.errors import EventError
from features.events.validation import parse
from serving.clock import Clock
from serving.consent import consents_of
from serving.decisions.timers import timers_of
from serving.decisions.triggers import Trigger
from serving.store import Appended, Incoming, Rejected, Store

MAX_EVENT_BYTES = 32_768
"""Longest event, as Segment has it."""

KEPT_MESSAGE_BYTES = 4_000
"""How much of a rejected message is kept: enough to see what went wrong."""


class Ingest:
    """Takes events in, durably.

    Arguments:
        store: where to.
        triggers: who may ask for a later look.
        clock: when something arrived.
        writer: the thread that writes; the event loop goes on meanwhile.
    """

    def __init__(
        self, store: Store, triggers: Sequence[Trigger], clock: Clock, writer: Executor
    ) -> None:
        self._store = store
        self._triggers = triggers
        self._clock = clock
        self._writer = writer

    async def one(self, message: Mapping[str, Any]) -> Appended:
        """Store one event.

        Raises:
            EventError: it breaks the event schema; it is kept in quarantine.
            StorageError: the store refused; nothing was kept.
        """
        received_at = self._clock()
        try:
            incoming = self._incoming(message, received_at)
        except EventError as error:
            await self._append([], [_rejected(message, received_at, error)])
            raise
        return await self._append([incoming], [])

    async def many(self, messages: Sequence[Any], sent_at: object = None) -> Appended:
        """Store the good events of a batch and put the bad ones aside.

        Raises:
            StorageError: the store refused; nothing was kept.
        """
        received_at = self._clock()
        good: list[Incoming] = []
        bad: list[Rejected] = []
        for message in messages:
            try:
                if not isinstance(message, Mapping):
                    raise EventError("batch", message, "an event is a JSON object")
                if sent_at is not None and "sentAt" not in message:
                    message = {**message, "sentAt": sent_at}
                good.append(self._incoming(message, received_at))
            except EventError as error:
                bad.append(_rejected(message, received_at, error))
        return await self._append(good, bad)

    async def _append(self, events: list[Incoming], rejected: list[Rejected]) -> Appended:
        loop = get_running_loop()
        return await loop.run_in_executor(self._writer, self._store.append, events, rejected)

    def _incoming(self, message: Mapping[str, Any], received_at: int) -> Incoming:
        size = len(_text(message))
        if size > MAX_EVENT_BYTES:
            raise EventError("event", f"{size:,} bytes", f"at most {MAX_EVENT_BYTES:,} are taken")
        event = parse(message, received_at)
        return Incoming(event, consents_of(event), timers_of(event, self._triggers))


def _rejected(message: Any, received_at: int, error: EventError) -> Rejected:
    try:
        kept = _text(message)[:KEPT_MESSAGE_BYTES]
    except EventError:
        kept = b""
    message_id = message.get("messageId") if isinstance(message, Mapping) else None
    return Rejected(
        message_id=message_id[:255] if isinstance(message_id, str) else "",
        received_at=received_at,
        column=error.column,
        reason=str(error),
        message=kept.decode(errors="ignore"),
    )


def _text(message: object) -> bytes:
    try:
        return orjson.dumps(message)
    except orjson.JSONEncodeError as error:
        raise EventError("event", "…", f"cannot be kept: {error}") from None
