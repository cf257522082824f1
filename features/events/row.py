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
"""One row, 38 bytes, packed; `features.timeline` says what the fields mean."""
