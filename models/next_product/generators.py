"""All candidate generators."""

from models.next_product.als import Als
from models.next_product.candidate import Candidates
from models.next_product.neighbours import Neighbours
from models.next_product.popular import Popular
from models.next_product.repeat import Repeat
from models.next_product.session import Session
from models.next_product.similar import Similar

GENERATORS: tuple[type[Candidates], ...] = (
    Repeat,
    Session,
    Neighbours,
    Similar,
    Als,
    Popular,
)
"""Of two equally strong sources the earlier one gives the reason."""
