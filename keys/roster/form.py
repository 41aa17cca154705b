"""A roster as its line of JSON (docs/FORMAT.md, section 5)."""

from __future__ import annotations

from keys.canonical import decode_canonical, encode_canonical
from keys.errors import FormatError
from keys.roster.model import Roster
from keys.roster.rules import check_roster

MAX_ROSTER = 64 * 1024 * 1024
"""Cap on a roster, and on a roster file, in bytes."""


def encode_roster(roster: Roster) -> bytes:
    """Encode a roster as its line of JSON, LF included. Raises FormatError if it breaks a rule."""
    check_roster(roster)
    data = encode_canonical(roster)
    _check_size(data)
    return data


def decode_roster(data: bytes) -> Roster:
    """Decode a roster from its line of JSON, LF included, and check every rule. Raises FormatError."""
    _check_size(data)
    roster = decode_canonical(data, Roster)
    check_roster(roster)
    return roster


def _check_size(data: bytes) -> None:
    if len(data) > MAX_ROSTER:
        raise FormatError(f"a roster of more than {MAX_ROSTER} bytes")
