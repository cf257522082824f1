"""What every test needs."""

import os

# LightGBM's idle threads sleep rather than spin, so that tests can run side by side.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
