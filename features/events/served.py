"""The churn probabilities that were served, kept beside the event log until they can be judged.

Of a customer, a version and a UTC day the first score counts.
"""

from typing import ClassVar, Final

import pyarrow as pa

from features.columns import Columns as C
from features.events.aside import Aside
from features.instants import DAY_MS

SCHEMA: Final = pa.schema(
    [
        pa.field(C.CUSTOMER_ID, pa.string(), nullable=False),
        pa.field("version", pa.string(), nullable=False),
        pa.field(C.INSTANT, pa.int64(), nullable=False),
        pa.field("horizon_days", pa.int32(), nullable=False),
        pa.field("probability", pa.float64(), nullable=False),
    ]
)
"""customer_id: whom it was served of, as the log may name them. version: of the model. instant:
nothing from it on was looked at, and the horizon begins with it. probability: P(no order in the
horizon)."""


class Served(Aside):
    """The scores in a folder."""

    name = "served"
    schema: ClassVar[pa.Schema] = SCHEMA
    key = (C.CUSTOMER_ID, "version", f"{C.INSTANT} // {DAY_MS}")
    first = (C.INSTANT, "probability")
    order = ("version", C.INSTANT, C.CUSTOMER_ID)
