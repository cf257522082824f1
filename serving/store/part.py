"""What the parts of the store over SQL have in common."""

from features.events.identifiers import Rules
from serving.store.database import Database


class SqlPart:
    """One topic of the store's interface.

    Arguments:
        database: where it is kept.
        rules: who is one person.
    """

    def __init__(self, database: Database, rules: Rules) -> None:
        self._database = database
        self._rules = rules
