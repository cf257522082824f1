"""What visitors look at next, by what others looked at in such a session."""

from models.next_product.session.index import SessionIndex
from models.next_product.session.model import Session

__all__ = ["Session", "SessionIndex"]
