"""A request that is sent twice is answered once: the Idempotency-Key of POSTs that change things.

A first record says that an answer is being made, a second holds it. The store keeps a record
only where there is none, so of several workers one makes the answer.

Source: IETF draft draft-ietf-httpapi-idempotency-key-header.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import nullcontext, suppress
from itertools import count

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from features.errors import InputError, RegularsError, StorageError, shown
from features.instants import SECOND_MS
from serving.clock import Clock
from serving.store import Store, StoredAnswer

REPLAYED = "Idempotency-Replayed"
LEASE_MS = 60 * SECOND_MS
"""After so long an answer that is still being made is taken for lost, with its worker."""

_KEY = re.compile(r"[\x21-\x7e]{1,255}\Z")
_STARTED, _GIVEN_UP, _ANSWERED = "started", "given-up", "answered"
HOUR_MS = 3600 * SECOND_MS


class InProgressError(RegularsError):
    """The same request came before and is not answered yet."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"a request with Idempotency-Key {shown(key)} is being answered; ask again in a moment"
        )


class ReusedKeyError(InputError):
    """The key came before, with another body."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"Idempotency-Key {shown(key)} came before with another body; "
            "use a new key for a new request"
        )


class Idempotency:
    """Remembers answers by the keys of their requests.

    Arguments:
        store: where.
        clock: the present.
        hours: for how long.
    """

    def __init__(self, store: Store, clock: Clock, hours: float) -> None:
        self._store = store
        self._clock = clock
        self._kept_ms = int(hours * HOUR_MS)

    async def answer(
        self,
        key: str | None,
        request: Request,
        make: Callable[[], Awaitable[Response]],
        *,
        at_any_rate: bool = False,
    ) -> Response:
        """What `make` answers, or what it answered before; without a key it always makes.

        Errors are not remembered: nothing was done, and the next try may succeed.

        Arguments:
            key: what the request's `Idempotency-Key` says.
            request: what was asked.
            make: makes the answer.
            at_any_rate: answer, unremembered, also while the store does not: for what changes
                nothing.

        Raises:
            InputError: the key cannot be one.
            ReusedKeyError: it came before with another body.
            InProgressError: it came before and is not answered yet.
            StorageError: the store does not answer.
        """
        if key is None:
            return await make()
        if not _KEY.match(key):
            raise InputError("Idempotency-Key: 1 to 255 visible ASCII characters, such as a UUID")
        body = hashlib.sha256(await request.body())
        body.update(request.headers.get("content-type", "").encode())
        # by whose key, too: nobody is given an answer that was made for somebody else
        named = f"{request.state.caller.name} {request.method} {request.url.path} {key}"
        asked = hashlib.sha256(named.encode()).hexdigest()
        try:
            found = await run_in_threadpool(self._begin, asked, body.hexdigest(), key)
        except StorageError:
            if at_any_rate:
                return await make()
            raise
        if isinstance(found, StoredAnswer):
            return Response(
                found.body, found.status, {REPLAYED: "true"}, media_type="application/json"
            )
        try:
            made = await make()
        except Exception:
            await run_in_threadpool(self._keep, f"{found}:{_GIVEN_UP}", body.hexdigest())
            raise
        told = (f"{found}:{_ANSWERED}", body.hexdigest(), made.status_code, bytes(made.body))
        with suppress(StorageError) if at_any_rate else nullcontext():
            await run_in_threadpool(self._keep, *told)
        return made

    def forget(self) -> None:
        """Drop what was kept long enough."""
        self._store.forget_answers(self._clock() - self._kept_ms)

    def _begin(self, asked: str, body: str, key: str) -> StoredAnswer | str:
        """The answer that was given, or the name of the attempt that is now the caller's."""
        for attempt in self._attempts(asked):
            started = self._store.answer(f"{attempt}:{_STARTED}")
            if started is None:
                if self._keep(f"{attempt}:{_STARTED}", body):
                    return attempt
                raise InProgressError(key)
            if started.request_hash != body:
                raise ReusedKeyError(key)
            answered = self._store.answer(f"{attempt}:{_ANSWERED}")
            if answered is not None:
                return answered
            lost = self._clock() - started.at > LEASE_MS
            if not lost and self._store.answer(f"{attempt}:{_GIVEN_UP}") is None:
                raise InProgressError(key)
        raise AssertionError("unreachable: attempts have no end")

    def _attempts(self, asked: str) -> Iterator[str]:
        return (f"{asked}:{number}" for number in count())

    def _keep(self, key: str, body: str, status: int = 0, content: bytes = b"") -> bool:
        return self._store.put_answer(key, StoredAnswer(body, status, content, self._clock()))
