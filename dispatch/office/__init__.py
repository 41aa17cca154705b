"""Office: the public face of one home."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dispatch.checks.opening import OpenedMessage
    from dispatch.duties.collation import Collation
    from dispatch.duties.slots import Slot
    from dispatch.duties.standings import Standing
    from dispatch.office.compose import SlotName
    from dispatch.office.drafting import Checked
    from dispatch.office.office import Office
    from dispatch.office.publication import Publication
    from dispatch.office.results import (
        CircularDuties,
        Enrolment,
        Issued,
        LeftOut,
        Listed,
        Received,
        Reception,
    )

_PLACES = {
    "Checked": "office.drafting",
    "CircularDuties": "office.results",
    "Collation": "duties.collation",
    "Enrolment": "office.results",
    "Issued": "office.results",
    "LeftOut": "office.results",
    "Listed": "office.results",
    "Office": "office.office",
    "OpenedMessage": "checks.opening",
    "Publication": "office.publication",
    "Received": "office.results",
    "Reception": "office.results",
    "Slot": "duties.slots",
    "SlotName": "office.compose",
    "Standing": "duties.standings",
}

__all__ = [
    "Checked",
    "CircularDuties",
    "Collation",
    "Enrolment",
    "Issued",
    "LeftOut",
    "Listed",
    "Office",
    "OpenedMessage",
    "Publication",
    "Received",
    "Reception",
    "Slot",
    "SlotName",
    "Standing",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for, and nothing before: the way in must not load the way out."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"dispatch.{_PLACES[name]}"), name)
