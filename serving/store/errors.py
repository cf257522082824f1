"""What a database says, as the domain's StorageError, in the kinds that callers treat apart."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from features.errors import StorageError

_TRY_AGAIN = frozenset({"40001", "40P01", "23505"})
"""SQLSTATEs of a transaction that met another one; run again, it sees what the other did."""


class UnavailableError(StorageError):
    """The database cannot be reached, or is locked, full or too slow, whatever is asked of it.

    Arguments:
        message: what could not be done, and why.
        lost: the connection was found closed; another one may do.
    """

    def __init__(self, message: str, *, lost: bool = False) -> None:
        super().__init__(message)
        self.lost = lost


class ConflictError(StorageError):
    """Another transaction was in the way; the same one may succeed when it is run again."""


@contextmanager
def storage_errors(doing: str) -> Iterator[None]:
    """Turn what the database says into StorageError: `cannot <doing>: …`."""
    try:
        yield
    except exc.DBAPIError as error:
        message = f"cannot {doing}: {_said(error.orig)}"
        if getattr(error.orig, "sqlstate", None) in _TRY_AGAIN:
            raise ConflictError(message) from error
        if isinstance(error, (exc.OperationalError, exc.InterfaceError, exc.InternalError)):
            raise UnavailableError(message, lost=error.connection_invalidated) from error
        raise StorageError(message) from error
    except exc.TimeoutError as error:  # all connections are in use
        raise UnavailableError(f"cannot {doing}: all connections are busy") from error
    except exc.SQLAlchemyError as error:
        raise StorageError(f"cannot {doing}: {type(error).__name__}") from error
    except (OverflowError, UnicodeError) as error:  # the driver's, for values it cannot write
        raise StorageError(f"cannot {doing}: {error}") from error


def _said(error: BaseException | None) -> str:
    """A database's message without its details, which quote the row at fault."""
    primary = getattr(getattr(error, "diag", None), "message_primary", None)
    return str(primary or error).strip().split("\nDETAIL:")[0]
