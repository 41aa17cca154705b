"""Office: the public face of one home."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dispatch.checks.opening import OpenedMessage
    from dispatch.office.compose import SlotName
    from dispatch.office.office import Office
    from dispatch.office.publication import Publication
    from dispatch.office.results import CircularDuties, Enrolment, Issued, Listed, Received, Reception

__all__ = [
    "CircularDuties",
    "Enrolment",
    "Issued",
    "Listed",
    "Office",
    "OpenedMessage",
    "Publication",
    "Received",
    "Reception",
    "SlotName",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for, and nothing before: the way in must not load the way out."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    places = {
        "Office": "office.office",
        "OpenedMessage": "checks.opening",
        "Publication": "office.publication",
        "SlotName": "office.compose",
    }
    return getattr(import_module(f"dispatch.{places.get(name, 'office.results')}"), name)
