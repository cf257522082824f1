"""What the parts of the store over SQL have in common."""

from serving.store.database import Database


class SqlPart:
    """One topic of the store's interface.

    Arguments:
        database: where it is kept.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
