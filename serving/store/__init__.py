"""The store: events, timelines, identities, consents, timers and decisions.

One interface; every implementation passes `tests/contracts/test_store.py`. Methods block:
callers with an event loop read directly (a customer is read in well under a millisecond) and
write through `GroupCommit`. All methods raise StorageError when the store refuses.
"""

from features.consents import ALL_CHANNELS, Consent, ConsentStatus
from serving.store.group import GroupCommit
from serving.store.interface import Store
from serving.store.opening import Migrated, migrate, open_store
from serving.store.records import (
    Access,
    Appended,
    Decision,
    Due,
    FedProduct,
    HistoryPerson,
    Impression,
    Incoming,
    KeptRule,
    Key,
    Person,
    ProductChange,
    Receipt,
    Rejected,
    Score,
    StoredAnswer,
    StoredEvent,
    Timer,
    Told,
    Version,
)

__all__ = [
    "ALL_CHANNELS",
    "Access",
    "Appended",
    "Consent",
    "ConsentStatus",
    "Decision",
    "Due",
    "FedProduct",
    "GroupCommit",
    "HistoryPerson",
    "Impression",
    "Incoming",
    "KeptRule",
    "Key",
    "Migrated",
    "Person",
    "ProductChange",
    "Receipt",
    "Rejected",
    "Score",
    "Store",
    "StoredAnswer",
    "StoredEvent",
    "Timer",
    "Told",
    "Version",
    "migrate",
    "open_store",
]
