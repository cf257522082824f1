"""From messages in Segment's form to stored events, consents, timers and quarantine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from features.consents import ConsentRules, consents_of
from features.errors import EventError, StorageError
from features.events.event import BOT
from features.events.identifiers import Reader
from features.events.keeping import Keep
from features.events.validation import parse
from serving.bots import Bots
from serving.clock import Clock
from serving.currency import Currency
from serving.decisions.timers import timers_of
from serving.decisions.triggers import Trigger
from serving.outline import Outline
from serving.segment import MAX_EVENT_BYTES
from serving.store import GroupCommit, Incoming, Rejected
from serving.visitors import as_visitor, of_visitor


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
        reader: finds identifiers beyond the two ids.
        rules: what a consent banner's categories mean.
    """

    def __init__(
        self,
        commit: GroupCommit,
        triggers: Sequence[Trigger],
        clock: Clock,
        keep: Keep,
        bots: Bots,
        currency: Currency,
        reader: Reader,
        rules: ConsentRules,
    ) -> None:
        self._commit = commit
        self._currency = currency
        self._triggers = triggers
        self._clock = clock
        self._keep = keep
        self._outline = Outline(keep)
        self._bots = bots
        self._reader = reader
        self._rules = rules

    async def note(self, message: Mapping[str, Any], identifier: str, source: str) -> None:
        """Store what an employee writes down about a customer.

        Arguments:
            message: the event; it names nobody.
            identifier: of the customer.
            source: what it came through.

        Raises:
            EventError: it breaks the event schema.
            StorageError: the store refused; nothing was kept.
        """
        named = {**message, "anonymousId": source}
        event = parse(named, self._clock(), source=source, keep=self._keep)
        event = replace(event, anonymous_id=None).under(identifier)
        await self._commit.append([Incoming(event, consents_of(event, self._rules))])

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
            await self._commit.append([], [self._rejected(message, received_at, error)])
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
                if not isinstance(message, dict):
                    raise EventError("batch", message, "an event is a JSON object")
                if sent_at is not None and message.get("sentAt") is None:
                    message = {**message, "sentAt": sent_at}
                if isinstance(context, dict) and message.get("context") is None:
                    message = {**message, "context": context}
                good.append(self._incoming(message, received_at, sender, place))
            except EventError as error:
                bad.append(self._rejected(message, received_at, error))
        await self._store(good, bad)

    async def _store(self, good: Sequence[Incoming], bad: Sequence[Rejected] = ()) -> None:
        try:
            await self._commit.append(good, bad)
        except StorageError:
            for incoming in good:
                event = incoming.event
                self._bots.take_back(event.customer_id, event.timestamp, event.event_id)
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
            reader=self._reader,
            marks=self._bots.marks(message, sender.user_agent),
            place=place,
        )
        if sender.is_page:
            event = of_visitor(event)
        fast = self._bots.too_fast(event.customer_id, event.timestamp, event.event_id)
        if fast and event.of_a_person:
            event = replace(event, marks=(BOT, *event.marks))
        if not event.of_a_person:  # nobody waits for a bot
            return Incoming(event, consents_of(event, self._rules))
        return Incoming(event, consents_of(event, self._rules), timers_of(event, self._triggers))

    def _rejected(self, message: Any, received_at: int, error: EventError) -> Rejected:
        message_id = message.get("messageId") if isinstance(message, dict) else None
        if isinstance(message_id, bool) or not isinstance(message_id, str | int | float):
            message_id = ""
        return Rejected(
            message_id=str(message_id).strip()[:255],
            received_at=received_at,
            column=error.column,
            reason=self._outline.reason(error),
            message=self._outline.of(message),
        )


def _text(message: object) -> bytes:
    try:
        return orjson.dumps(message)
    except orjson.JSONEncodeError as error:
        raise EventError("event", "…", f"cannot be kept: {error}") from None
