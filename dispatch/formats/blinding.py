"""Blinded slots: what a note says in public of the duty it answers (FORMAT.md, section 13).

Who holds the circular, and with it the slot key, recognises them; nobody else learns
anything from them.
"""

from __future__ import annotations

import hmac
from typing import Literal, TypeAlias

Verb: TypeAlias = Literal["report", "return", "extend", "waive", "acknowledge", "undertake", "refuse"]

ONCE = "once"
NO_OBLIGATION = "-"
_FORMAT = "dispatch-slot/v1"


def occasion_of(period: str | None, event: int | None) -> str:
    """Name what a report is for: `period:2026-05`, `event:3`, or `once`."""
    if period is not None:
        return f"period:{period}"
    return ONCE if event is None else f"event:{event}"


def blind_slot(slot_key: bytes, verb: Verb, obligation: str | None, office: str, occasion: str) -> bytes:
    """Give the digest under which a note answers a slot, 32 bytes. `obligation` None: the circular itself."""
    lines = (_FORMAT, verb, obligation or NO_OBLIGATION, office, occasion)
    return hmac.digest(slot_key, "".join(f"{line}\n" for line in lines).encode("ascii"), "sha256")
