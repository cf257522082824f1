"""Obvious bots: what calls itself one, and who is faster than people are."""

import re
from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from features.events.event import BOT

_AGENTS = re.compile(
    r"""(?<!cu)bots?\b|\bbot[-_/]|crawl|spider|slurp|scrapy      # search engines and copiers
    |headless|phantomjs|puppeteer|playwright|selenium|webdriver  # browsers without a person
    |lighthouse|pagespeed|gtmetrix|ptst/                         # page measurements
    |pingdom|uptime|statuscake|site24x7|datadog|newrelic|checkly # monitoring
    |facebookexternalhit|whatsapp/|mediapartners                 # link previews, advertising""",
    re.IGNORECASE | re.VERBOSE,
)
"""Marks in user agents. Cubot makes telephones."""

MINUTE_MS = 60_000
IDS_KEPT = 50_000
"""Events whose ids are remembered at least, so that their retries are not counted; twice as many
at most, some 7 MB."""

VISITORS_KEPT = 50_000
"""Visitors whose last minute is counted; the longest unseen are forgotten, some 10 MB."""


def calls_itself_one(user_agent: object) -> bool:
    """Whether a user agent is a known crawler's, a headless browser's or a monitor's."""
    return isinstance(user_agent, str) and _marked(user_agent[:1000])


@lru_cache(maxsize=4_096)  # there are far fewer than events, and looking takes as long as parsing
def _marked(user_agent: str) -> bool:
    return _AGENTS.search(user_agent) is not None


class Bots:
    """Marks events that no person made; each process counts for itself.

    Arguments:
        per_minute: events of one visitor that happened in one minute from which on the visitor
            is taken for a bot; 0 counts nothing.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        # by hash, which is this process's own: no id stays in memory
        self._seen: OrderedDict[int, tuple[int, int]] = OrderedDict()
        # hashes of the ids of counted events: those now gathered, and those gathered before
        self._counted: set[int] = set()
        self._counted_before: set[int] = set()

    def marks(self, message: Mapping[str, Any], user_agent: str | None) -> tuple[str, ...]:
        """The mark, if the sender of a message calls itself a bot.

        Arguments:
            message: its `context.userAgent` counts, where a server speaks for its visitors.
            user_agent: otherwise the request's own.
        """
        context = message.get("context")
        told = None
        if isinstance(context, dict):
            told = context.get("userAgent") or context.get("user_agent")
        return (BOT,) if calls_itself_one(told or user_agent) else ()

    def too_fast(self, visitor: str, at: int, event_id: str) -> bool:
        """Count an event of a visitor; whether there are too many in its minute.

        The minute is that in which they happened, not arrived: a past that is sent at once is
        not fast. An event counts once: clients send again what was stored when they do not hear
        of it. Whoever was too fast is taken for a bot until the minute is over, whatever they do
        in it; what they did before in that minute stays theirs.
        """
        if not self._per_minute:
            return False
        minute = at // MINUTE_MS
        key = hash(visitor)
        last, count = self._seen.pop(key, (minute, 0))
        if last != minute:
            count = 0
        hashed = hash(event_id)
        if hashed not in self._counted and hashed not in self._counted_before:
            count += 1
            self._counted.add(hashed)
            if len(self._counted) > IDS_KEPT:
                self._counted_before, self._counted = self._counted, set()
        self._seen[key] = (minute, count)
        if len(self._seen) > VISITORS_KEPT:
            self._seen.popitem(last=False)
        return count > self._per_minute

    def take_back(self, visitor: str, at: int, event_id: str) -> None:
        """Count an event no longer that was not stored: its client sends it again."""
        hashed = hash(event_id)
        if hashed not in self._counted and hashed not in self._counted_before:
            return
        self._counted.discard(hashed)
        self._counted_before.discard(hashed)
        key = hash(visitor)
        minute, count = self._seen.get(key, (0, 0))
        if count and minute == at // MINUTE_MS:
            self._seen[key] = (minute, count - 1)
