"""What the parts of the store over SQL have in common."""

from features.events.erasures import Erasures
from features.events.identifiers import Rules
from serving.store.database import Database


class SqlPart:
    """One topic of the store's interface.

    Arguments:
        database: where it is kept.
        rules: who is one person.
        erasures: who was erased, kept elsewhere; its key makes the hashes.
    """

    def __init__(self, database: Database, rules: Rules, erasures: Erasures) -> None:
        self._database = database
        self._rules = rules
        self._erasures = erasures
