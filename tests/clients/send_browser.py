"""Sends events with @segment/analytics-next from a page in headless Chromium.

`send_browser.py CHROMIUM URL CUSTOMER EVENTS PAUSE_MS STRATEGY`; prints each event's messageId.
The page stays open, as a shop's does, until standard input ends: what failed is sent again.
"""

import functools
import http.server
import json
import os
import sys
import threading
from pathlib import Path

HERE = Path(__file__).parent
BUNDLE = HERE / "node_modules/@segment/analytics-next/dist/umd"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Nothing of Chromium's own goes over the network."""

AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0"
"""A visitor's browser: headless Chromium's own name is a bot's, whose events do not count."""


class Page(http.server.SimpleHTTPRequestHandler):
    """The shop's page and the client's script; at another port, so that CORS is in force."""

    def translate_path(self, path: str) -> str:
        """The page itself, or a file of the client's."""
        name = path.split("?")[0].rsplit("/", 1)[-1]
        return str(HERE / "page.html" if name in ("", "page.html") else BUNDLE / name)

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


def main(chromium: str, url: str, customer: str, events: int, pause_ms: int, strategy: str) -> None:
    """Send, tell the ids, and keep the page open."""
    from playwright.sync_api import sync_playwright

    shop = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Page))
    threading.Thread(target=shop.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(user_agent=AGENT)
        page.goto(f"http://127.0.0.1:{shop.server_port}/page.html")
        sent = page.evaluate(
            "send",
            {
                "key": os.environ["REGULARS_KEY"],
                "host": url.removeprefix("http://"),
                "customer": customer,
                "events": events,
                "pauseMs": pause_ms,
                "strategy": strategy,
            },
        )
        print(json.dumps(sent), flush=True)  # noqa: T201 # the test reads it
        sys.stdin.read()
        browser.close()
    shop.shutdown()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), sys.argv[6])
