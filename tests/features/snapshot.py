"""Writes the names and hashes of all features: python -m tests.features.snapshot."""

import json
from pathlib import Path

from features.definitions import FEATURES

if __name__ == "__main__":
    hashes = {feature.name: feature.hash for feature in FEATURES}
    Path(__file__).with_name("features.json").write_text(json.dumps(hashes, indent=1) + "\n")
