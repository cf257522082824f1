"""All candidate generators."""

from models.next_product.als import Als
from models.next_product.arrivals import Arrivals
from models.next_product.bestsellers import Bestsellers
from models.next_product.candidate import Candidates
from models.next_product.content import Content
from models.next_product.neighbours import Neighbours
from models.next_product.popular import Popular
from models.next_product.regional import Regional
from models.next_product.repeat import Repeat
from models.next_product.session import Session
from models.next_product.similar import Similar
from models.next_product.together import Later, Together, Viewed

GENERATORS: tuple[type[Candidates], ...] = (
    Repeat,
    Session,
    Together,
    Later,
    Viewed,
    Neighbours,
    Similar,
    Als,
    Content,
    Arrivals,
    Bestsellers,
    Regional,
    Popular,
)
"""Of two equally strong sources the earlier one gives the reason."""
