"""Blinded slots: what a note shows in public of the duty that it answers (FORMAT.md, section 13).

Those who have the circular have its slot key, and so recognise its slots. Nobody else learns anything from
them. An occasion is what a report is for: a period, an event that the office counts, or once.
"""

from __future__ import annotations

import hmac
from typing import Literal, TypeAlias

Verb: TypeAlias = Literal["report", "return", "extend", "waive", "acknowledge", "undertake", "refuse"]

ONCE = "once"
_PERIOD, _EVENT = "period:", "event:"
NO_OBLIGATION = "-"
_FORMAT = "dispatch-slot/v1"


def occasion_of(period: str | None, event: int | None) -> str:
    """Name what a report is for: `period:2026-05`, `event:3`, or `once`."""
    if period is not None:
        return f"{_PERIOD}{period}"
    return ONCE if event is None else f"{_EVENT}{event}"


def period_in(occasion: str) -> str | None:
    """Give the period that an occasion names, or None if it names none."""
    return occasion.removeprefix(_PERIOD) if occasion.startswith(_PERIOD) else None


def event_in(occasion: str) -> int | None:
    """Give the count of the event that an occasion names, or None if it names none."""
    return int(occasion.removeprefix(_EVENT)) if occasion.startswith(_EVENT) else None


def blind_slot(slot_key: bytes, verb: Verb, obligation: str | None, office: str, occasion: str) -> bytes:
    """Give the digest under which a note answers a slot, 32 bytes. `obligation` None: the circular itself."""
    lines = (_FORMAT, verb, obligation or NO_OBLIGATION, office, occasion)
    return hmac.digest(slot_key, "".join(f"{line}\n" for line in lines).encode("ascii"), "sha256")
