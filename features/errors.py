"""What can go wrong in the domain; every message names the value and the next step."""


class RegularsError(Exception):
    """The base of all errors that a user of this system can cause or mend."""


class InputError(RegularsError):
    """Something given to us cannot be used: a file, a table, an argument."""


class MappingError(InputError):
    """An import mapping does not fit its schema or the shop's tables."""


class EventError(InputError):
    """One event breaks the event schema.

    Arguments:
        column: the property or field at fault.
        value: what it held.
        reason: what is wrong and what would be right.
    """

    def __init__(self, column: str, value: object, reason: str) -> None:
        super().__init__(f"{column} = {shown(value)}: {reason}")
        self.column = column
        self.value = value
        self.reason = reason


class StorageError(RegularsError):
    """The disk or the store refused; nothing half-written was kept."""


class NotEnoughDataError(RegularsError):
    """There is too little history to learn or to evaluate what was asked."""


class BundleError(RegularsError):
    """A bundle is missing, damaged or of another schema; it must not serve."""


class RegistryError(RegularsError):
    """The model registry lacks what was asked for, or the promotion gate did not hold."""


def shown(value: object, limit: int = 80) -> str:
    """A value as it may stand in a message: quoted, and cut when long.

    >>> shown("x" * 100, limit=5)
    "'xxxxx'… (100 characters)"
    """
    text = value if isinstance(value, str) else repr(value)
    if len(text) <= limit:
        return repr(value)
    return f"{text[:limit]!r}… ({len(text):,} characters)"
