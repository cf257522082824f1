"""Products that are alike by what the shop says of them, for those that nobody has bought yet."""

from models.next_product.content.model import Content

__all__ = ["Content"]
