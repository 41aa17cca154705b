"""Office: the public face of one home."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dispatch.office.office import Listed, Office, Reception

__all__ = ["Listed", "Office", "Reception"]


def __getattr__(name: str) -> Any:
    """Import the office when it is asked for: the way in must not load the way out."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from dispatch.office import office

    return getattr(office, name)
