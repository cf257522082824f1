"""From messages in Segment's form to stored events, consents, timers and quarantine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from features.errors import EventError, StorageError
from features.events.event import BOT, Event
from features.events.keeping import Keep
from features.events.validation import parse
from features.identity import customer_id
from serving.bots import Bots
from serving.clock import Clock
from serving.consent import consents_of
from serving.currency import Currency
from serving.decisions.timers import timers_of
from serving.decisions.triggers import Trigger
from serving.segment import MAX_EVENT_BYTES
from serving.store import GroupCommit, Incoming, Rejected
from serving.visitors import as_visitor, of_visitor

KEPT_MESSAGE_BYTES = 4_000
"""How much of a rejected message is kept: enough to see what went wrong."""

_WRITE_KEY = "writeKey"


@dataclass(frozen=True)
class Sender:
    """Who sent a request."""

    source: str = "api"
    """What their key is named."""
    user_agent: str | None = None
    is_page: bool = False
    """Whether anybody may have sent it; see `serving.visitors`."""


class Ingest:
    """Takes events in, durably.

    Arguments:
        commit: where to; callers that wait at the same time share one transaction.
        triggers: who may ask for a later look.
        clock: when something arrived.
        keep: the properties that are kept.
        bots: who is no person.
        currency: of the shop; money in another is put aside.
    """

    def __init__(
        self,
        commit: GroupCommit,
        triggers: Sequence[Trigger],
        clock: Clock,
        keep: Keep,
        bots: Bots,
        currency: Currency,
    ) -> None:
        self._commit = commit
        self._currency = currency
        self._triggers = triggers
        self._clock = clock
        self._keep = keep
        self._bots = bots

    async def one(self, message: Mapping[str, Any], sender: Sender) -> None:
        """Store one event.

        Raises:
            EventError: it breaks the event schema; it is kept in quarantine.
            StorageError: the store refused; nothing was kept.
        """
        received_at = self._clock()
        try:
            incoming = self._incoming(message, received_at, sender)
        except EventError as error:
            await self._commit.append([], [_rejected(message, received_at, error)])
            raise
        await self._store([incoming])

    async def many(
        self, messages: Sequence[Any], sender: Sender, shared: Mapping[str, Any]
    ) -> None:
        """Store the good events of a batch and put the bad ones aside.

        Arguments:
            messages: the events.
            sender: who sent them.
            shared: the batch they came in; what an event does not say itself, its `sentAt` and
                `context` do.

        Raises:
            StorageError: the store refused; nothing was kept.
        """
        received_at = self._clock()
        sent_at, context = shared.get("sentAt"), shared.get("context")
        good: list[Incoming] = []
        bad: list[Rejected] = []
        for place, message in enumerate(messages):
            try:
                if not isinstance(message, Mapping):
                    raise EventError("batch", message, "an event is a JSON object")
                if sent_at is not None and message.get("sentAt") is None:
                    message = {**message, "sentAt": sent_at}
                if isinstance(context, Mapping) and message.get("context") is None:
                    message = {**message, "context": context}
                good.append(self._incoming(message, received_at, sender, place))
            except EventError as error:
                bad.append(_rejected(message, received_at, error))
        await self._store(good, bad)

    async def _store(self, good: Sequence[Incoming], bad: Sequence[Rejected] = ()) -> None:
        try:
            await self._commit.append(good, bad)
        except StorageError:
            for incoming in good:
                self._bots.take_back(_visitor(incoming.event), incoming.event.timestamp)
            raise

    def _incoming(
        self, message: Mapping[str, Any], received_at: int, sender: Sender, place: int = 0
    ) -> Incoming:
        size = len(_text(message))
        if size > MAX_EVENT_BYTES:
            raise EventError("event", f"{size:,} bytes", f"at most {MAX_EVENT_BYTES:,} are taken")
        if sender.is_page:
            message = as_visitor(message)
        event = parse(
            message,
            received_at,
            currency=self._currency.code(),
            source=sender.source,
            keep=self._keep,
            marks=self._bots.marks(message, sender.user_agent),
            place=place,
        )
        if sender.is_page:
            event = of_visitor(event)
        if self._bots.too_fast(_visitor(event), event.timestamp) and event.of_a_person:
            event = replace(event, marks=(BOT, *event.marks))
        if not event.of_a_person:  # a bot allows nothing, and nobody waits for it
            return Incoming(event)
        return Incoming(event, consents_of(event), timers_of(event, self._triggers))


def _visitor(event: Event) -> str:
    return customer_id(event.user_id, event.anonymous_id)


def _rejected(message: Any, received_at: int, error: EventError) -> Rejected:
    if isinstance(message, Mapping):
        message = {name: value for name, value in message.items() if name != _WRITE_KEY}
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
