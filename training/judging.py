"""How shown lists are judged: what the command line offers, without what it takes to do it."""

from enum import StrEnum
from typing import Final

CLIP: Final = 100.0
"""Most that a shown product counts: a little bias for a lot of variance (Ionides 2008)."""


class Reward(StrEnum):
    """What a shown product can earn."""

    CLICK = "click"
    PURCHASE = "purchase"
