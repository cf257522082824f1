"""The recommendations that were shown, kept beside the event log: what other ways are judged by.

A row is one product in one list. A click or an order that follows names the list by its
`recommendation_id`, in Recommendation Shown and Recommendation Clicked.
"""

from typing import ClassVar, Final

import pyarrow as pa

from features.events.aside import Aside

SCHEMA: Final = pa.schema(
    [
        pa.field("recommendation_id", pa.string(), nullable=False),
        pa.field("customer", pa.string()),
        pa.field("placement", pa.string(), nullable=False),
        pa.field("position", pa.int32(), nullable=False),
        pa.field("product_id", pa.string(), nullable=False),
        pa.field("propensity", pa.float64(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("model_version", pa.string()),
        pa.field("at", pa.int64(), nullable=False),
    ]
)
"""recommendation_id: of the list. customer: to whom, as the log may name them; null for strangers
and for who does not allow to be remembered. placement: where on the page. position: 1 is the top.
propensity: the probability with which it was put into its place, given the places before it; 1
where no chance was involved. score: what it was ranked by. model_version: null where no model
served. at: nothing from this instant on was looked at."""


class Impressions(Aside):
    """The impressions in a folder."""

    name = "impressions"
    schema: ClassVar[pa.Schema] = SCHEMA
    customer = "customer"
    instant = '"at"'
    key = ("recommendation_id", '"position"')
    first = ('"at"',)
    order = ('"at"', "recommendation_id", '"position"')
