"""The layout of one timeline row, which is what events become."""

import numpy as np

ROW = np.dtype(
    [
        ("at", np.int64),
        ("known_at", np.int64),
        ("value", np.float32),
        ("quantity", np.float32),
        ("measure", np.float32),
        ("product", np.int32),
        ("type", np.uint8),
        ("channel", np.uint8),
    ]
)
"""One row, 38 bytes, packed.

at: when it happened. known_at: since when it is known to be this customer's, the later of its
arrival and of the link that tied its identifier to the customer. value, quantity, measure: the
event type's numbers (NaN when absent). product: catalogue index of the variant, -1 when none.
type, channel: codes of the event schema. Instants are int64 milliseconds, UTC.
"""

LARGEST = 1e30
"""Numbers beyond it are absent from rows: logs may hold some, the event schema takes none. Sums of
what remains fit into float32."""
