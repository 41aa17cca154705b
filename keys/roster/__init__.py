"""The roster: the offices of one realm, their keys, rights and groups.

Source: docs/FORMAT.md, section 5. Every entry carries the roster versions at which it
counts, so the newest roster alone answers for every earlier one, and every question is
asked *as of* a version. Frozen and pure; nothing here is trusted: `keys.trust` decides
that.

    model   what a roster holds, and the questions that can be asked of it
    rules   what one roster must keep by itself
    form    bytes <-> object
    edit    the next version, as a draft
    extends what a roster owes to the one before it
"""

from __future__ import annotations

from keys.roster.edit import (
    add_office,
    add_offices,
    first_roster,
    next_version,
    revoke_key,
    set_dates,
    set_group,
    set_root,
    set_threshold,
    withdraw_card,
)
from keys.roster.form import MAX_ROSTER, decode_roster, encode_roster
from keys.roster.model import RIGHTS, Entry, Group, KeyEntry, Office, Record, Right, Root, Roster

__all__ = [
    "MAX_ROSTER",
    "RIGHTS",
    "Entry",
    "Group",
    "KeyEntry",
    "Office",
    "Record",
    "Right",
    "Root",
    "Roster",
    "add_office",
    "add_offices",
    "decode_roster",
    "encode_roster",
    "first_roster",
    "next_version",
    "revoke_key",
    "set_dates",
    "set_group",
    "set_root",
    "set_threshold",
    "withdraw_card",
]
