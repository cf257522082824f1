"""Where lists stand: one TOML file each."""

from models.next_product.placements.placement import Placement, placements

__all__ = ["Placement", "placements"]
