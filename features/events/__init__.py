"""The event vocabulary, the mappings from a shop's tables, and the event log."""
