"""Texts as numbers, where a timeline keeps one: the same text is the same number everywhere.

Without a dictionary that log, store and bundle would have to share. Of a few hundred names two
hardly ever share a number: of 250 in one case of 500.
"""

import hashlib

_DIGITS = 6
"""Of a hash in hexadecimal: numbers below 2²⁴ are held exactly by a timeline's slots."""


def number(text: str) -> int:
    """The number of a text, whatever its case and the blanks around it; 0 to 2²⁴ − 1."""
    said = text.strip().lower().encode()
    return int(hashlib.md5(said, usedforsecurity=False).hexdigest()[:_DIGITS], 16)


def number_sql(text: str) -> str:
    """SQL of the same, of the text that an expression gives; null of null."""
    return f"CAST('0x' || substr(md5(lower(trim({text}))), 1, {_DIGITS}) AS INTEGER)"
