"""The next best product: candidate generators, a ranker over them, and the pipeline of both."""

from models.next_product.als import Als
from models.next_product.arrivals import Arrivals
from models.next_product.bestsellers import Bestsellers
from models.next_product.candidate import Candidates
from models.next_product.content import Content
from models.next_product.generators import GENERATORS
from models.next_product.neighbours import Neighbours
from models.next_product.page import page
from models.next_product.period import Period
from models.next_product.pipeline import NextProductModel
from models.next_product.placements import Placement, placements
from models.next_product.popular import Popular
from models.next_product.query import Ask, Query
from models.next_product.ranker import Ranker
from models.next_product.recommendation import Recommendation, Shelf
from models.next_product.regional import Regional
from models.next_product.repeat import Repeat
from models.next_product.session import Session
from models.next_product.shelves import shelves
from models.next_product.similar import Similar
from models.next_product.together import Later, Together, Viewed

__all__ = [
    "GENERATORS",
    "Als",
    "Arrivals",
    "Ask",
    "Bestsellers",
    "Candidates",
    "Content",
    "Later",
    "Neighbours",
    "NextProductModel",
    "Period",
    "Placement",
    "Popular",
    "Query",
    "Ranker",
    "Recommendation",
    "Regional",
    "Repeat",
    "Session",
    "Shelf",
    "Similar",
    "Together",
    "Viewed",
    "page",
    "placements",
    "shelves",
]
