"""Sends events with segment-analytics-python, whichever version Python finds first.

`send_python.py URL CUSTOMER EVENTS PAUSE_MS`; prints the version and each event's messageId.
"""

import json
import os
import sys
import time


def main(url: str, customer: str, events: int, pause_ms: int) -> None:
    """Send, and return when everything is acknowledged or given up."""
    from segment.analytics.client import Client
    from segment.analytics.version import VERSION

    failed: list[str] = []
    client = Client(
        os.environ["REGULARS_KEY"],
        host=url,
        gzip=True,
        on_error=lambda error, _batch: failed.append(str(error)),
    )
    for consumer in client.consumers:
        consumer.upload_size = 10  # many small requests: each may fail in its own way
    ids = []
    for number in range(events):
        sent = client.track(
            customer,
            "Product Viewed",
            {"product_id": f"{customer}-{number}", "price": "9.50"},
            anonymous_id=f"visitor-{customer}",
        )
        ids.append(sent[1]["messageId"])
        time.sleep(pause_ms / 1000)  # a shop's visitors do not come all at once
    client.flush()
    client.join()
    json.dump({"version": VERSION, "ids": ids, "failed": failed}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
