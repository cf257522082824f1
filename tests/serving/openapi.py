"""Writes the snapshot of the OpenAPI document, after an intended change."""

import json
from pathlib import Path

from serving.app import create_app
from serving.settings import ServingSettings

if __name__ == "__main__":
    document = create_app(ServingSettings()).openapi()
    Path(__file__).with_name("openapi.json").write_text(json.dumps(document, indent=1) + "\n")
