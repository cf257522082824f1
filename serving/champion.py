"""The published bundle: found by its pointer, verified, and swapped in between two requests."""

import json
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from features.errors import BundleError, StorageError, shown
from features.timeline import Timeline
from models.bundle import Bundle
from serving.clock import Clock
from serving.live import Live
from serving.rules import readable
from serving.store import Store, Told

log = structlog.get_logger()

POINTER = "champion.json"

LARGE_CATALOG = 20_000
"""Products from which renumbering takes longer than a request should (about 1 µs each)."""

RETRY_PAUSE_MS = 10_000
"""Pause between two tries of a published bundle that was refused: verifying it reads it all."""

RENUMBER_PAUSE_MS = 1_000
"""Pause between two renumberings of a large catalogue; until then a new product's views and
orders count without naming the product."""


@dataclass(frozen=True)
class Refusal:
    """A published bundle that does not serve, and why."""

    version: str | None
    reason: str
    at: int


class Champion:
    """Holds what answers are made from, and keeps it as fresh as what is published.

    Arguments:
        bundles: the folder of published bundles.
        store: knows products beyond the bundle's.
        clock: the present.
    """

    def __init__(self, bundles: Path, store: Store, clock: Clock) -> None:
        self._bundles = bundles
        self._store = store
        self._clock = clock
        self._loading = threading.Lock()
        self._changing = threading.Lock()
        self._served = b""
        """The pointer whose bundle serves."""
        self._refused = b""
        """The pointer whose bundle was refused last, to be tried again at `_retry_at`."""
        self._retry_at = 0
        self._renumbered_at = 0
        self._behind = False
        self._erasures = 0
        """The last erasure that what is served knows of."""
        self._live = Live.of(None, None, ())
        self.refusal: Refusal | None = None
        """The published bundle, when it was refused; None when it serves or there is none."""

    @property
    def live(self) -> Live:
        """What answers are made from now."""
        return self._live

    def check(self) -> bool:
        """Look at the pointer; load and swap when it changed. True when the bundle serves anew.

        A bundle that cannot be verified is refused: the one before goes on serving. It is tried
        again after a pause, since what was missing may come: a file, or the store. Whoever was
        erased by another worker is left out of the bundle that serves.
        """
        self.forget()
        with self._loading:
            try:
                pointer = (self._bundles / POINTER).read_bytes()
            except FileNotFoundError:
                pointer = b""
            except OSError as error:
                self._refuse(None, f"cannot read {POINTER}: {error.strerror}")
                return False
            if pointer == self._served:
                back, self.refusal = self.refusal is not None, None
                return back
            waiting = self.refusal is not None and self._clock() < self._retry_at
            if pointer == self._refused and waiting:
                return False
            version = None
            try:
                version, folder = self._target(pointer)
                bundle = Bundle.load(folder)
                live = Live.of(bundle, version, self._store.products(), self._store.fed(0))
                erasures = self._without_erased(bundle, 0)
                with self._changing:  # short: requests wait for it, not for the loading
                    self._live = live.ruled_as(self._live)
                    self._erasures = erasures
            except (BundleError, StorageError) as error:
                self._refused = pointer
                self._refuse(version, str(error))
                return False
            self._served = pointer
            self._behind = True  # products may have come while the bundle was loading
            self.refusal = None
            log.info("bundle serves", version=version)
            return True

    def forget(self) -> None:
        """Leave whom the store erased since the last look out of what is served.

        A store that does not answer erases nobody either: the next look will do.
        """
        with self._changing, suppress(StorageError):
            if self._live.bundle is not None:
                self._erasures = self._without_erased(self._live.bundle, self._erasures)

    def number_products(self) -> None:
        """Learn the store's products that are not numbered yet."""
        with self._changing:
            new = self._store.products(len(self._live.index))
            if new:
                self._live = self._live.extended(new)
                self._renumbered_at = self._clock()

    def hear(self, last: Told | None = None) -> None:
        """Learn what product feeds said since the last look, and how the shelf's rules changed.

        Arguments:
            last: the last of both, if the caller knows; nothing is read when they are known.

        A product that is new is numbered at once in a small catalogue, within
        `RENUMBER_PAUSE_MS` in a large one.
        """
        last = self._store.last_told() if last is None else last
        if last.ruled > self._live.ruled:
            self._follow_rules()
        known = self._live.fed
        fed = self._store.fed(known) if last.fed > known else []
        if fed:
            self._behind = self._behind or any(
                told.product.product_id not in self._live.catalog.index for told in fed
            )
            with self._changing:
                self._live = self._live.told(fed)
        if self._behind and self._may_renumber():
            self.number_products()
            self._behind = False

    def _follow_rules(self) -> None:
        """Learn the shelf's rules, if they changed."""
        with self._changing:
            found = self._store.rules(self._live.ruled)
            if found is not None:
                last, kept = found
                self._live = replace(self._live, rules=readable(kept), ruled=last)

    def _may_renumber(self) -> bool:
        waited = self._clock() - self._renumbered_at
        return len(self._live.catalog) < LARGE_CATALOG or waited >= RENUMBER_PAUSE_MS

    def translated(self, timeline: Timeline) -> tuple[Live, Timeline]:
        """What answers are made from, and a stored timeline in its numbering."""
        live = self._live
        if live.lacks(timeline) and self._may_renumber():
            self.number_products()
            live = self._live
        return live, live.translated(timeline)

    def _without_erased(self, bundle: Bundle, known: int) -> int:
        """Mask a bundle that knows of the first erasures; the last erasure it then knows of."""
        found = None if bundle.next_product is None else self._store.erased(known)
        if bundle.next_product is None or found is None:
            return known
        last, erased = found
        bundle.next_product.mask(erased)
        return last

    def _target(self, pointer: bytes) -> tuple[str, Path]:
        try:
            published = json.loads(pointer)
            version, path = str(published["version"]), str(published["path"])
        except (ValueError, KeyError, TypeError):
            raise BundleError(
                f"{POINTER} holds {shown(pointer.decode(errors='replace'))}; "
                "run `python -m training promote` again"
            ) from None
        if Path(path).is_absolute() or ".." in Path(path).parts:
            raise BundleError(f"{POINTER} points outside the bundles' folder: {shown(path)}")
        return version, self._bundles / path

    def _refuse(self, version: str | None, reason: str) -> None:
        self._retry_at = self._clock() + RETRY_PAUSE_MS
        if self.refusal is None or (self.refusal.version, self.refusal.reason) != (version, reason):
            log.error(
                "bundle refused", version=version, reason=reason, still_serves=self._live.version
            )
            self.refusal = Refusal(version, reason, self._clock())
