"""Facts about people and products; nothing here is learned.

For a notebook: `features.frame(log, at="2026-06-30")` and `features.describe()`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from features.notebook import describe, frame

__all__ = ["describe", "frame"]


def __getattr__(name: str) -> Any:
    # Late, so that the service does not load pandas and DuckDB for it.
    if name in __all__:
        from features import notebook

        return getattr(notebook, name)
    raise AttributeError(f"module 'features' has no attribute {name!r}")
