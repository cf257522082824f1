"""A shop with known truth, for the demo, for load and for tests.

Quality of models is claimed on real data only: here the answers were planted by us.
"""

from training.simulation.settings import SimulationSettings, SimulationSummary
from training.simulation.shop import simulate

__all__ = ["SimulationSettings", "SimulationSummary", "simulate"]
