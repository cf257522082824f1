"""One small shop for all tests here, read back as its users would."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from training.simulation import SimulationSettings, SimulationSummary, simulate

TABLES = {
    "products": "products.parquet",
    "orders": "orders",
    "lines": "lines",
    "events": "events",
    "true_customers": "truth/customers",
    "true_products": "truth/products.parquet",
    "complements": "truth/complements.parquet",
}


@dataclass
class Shop:
    folder: Path
    settings: SimulationSettings
    summary: SimulationSummary
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        if name not in TABLES:
            raise AttributeError(name)
        if name not in self.tables:
            self.tables[name] = pq.read_table(self.folder / TABLES[name]).to_pandas()
        return self.tables[name]

    def named(self, event: str) -> pd.DataFrame:
        return self.events[self.events["event"] == event].dropna(axis=1, how="all")

    @property
    def bought(self) -> pd.DataFrame:
        """Lines with their order and the truth about their product."""
        return self.lines.merge(self.orders, on="order_id").merge(
            self.true_products, on="product_id"
        )


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    settings = SimulationSettings(customers=700, products=240, days=540, seed=7)
    folder = tmp_path_factory.mktemp("simulation") / "shop"
    return Shop(folder, settings, simulate(settings, folder))
