"""Texts as numbers, where a timeline keeps one: the same text is the same number everywhere.

Without a dictionary that log, store and bundle would have to share. Of a few hundred names two
hardly ever share a number: of 250 in one case of 500.
"""

import hashlib
import string

_DIGITS = 6
"""Of a hash in hexadecimal: numbers below 2²⁴ are held exactly by a timeline's slots."""


_UPPER, _LOWER = string.ascii_uppercase, string.ascii_lowercase


def number(text: str) -> int:
    """The number of a text, whatever the case of a to z and the blanks around it; below 2²⁴."""
    said = text.strip(" ").encode().lower()  # of bytes nothing but ASCII, as below
    return int(hashlib.md5(said, usedforsecurity=False).hexdigest()[:_DIGITS], 16)


def number_sql(text: str) -> str:
    """SQL of the same, of the text that an expression gives; null of null."""
    said = f"translate(trim({text}, ' '), '{_UPPER}', '{_LOWER}')"
    return f"CAST('0x' || substr(md5({said}), 1, {_DIGITS}) AS INTEGER)"
