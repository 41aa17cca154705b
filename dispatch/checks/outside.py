"""What of steps 7 and 9 shows without a key: FORMAT.md, section 14. Pure.

Copies stand in order of handle, each addressee has one, and so has the issuer. Whoever has some copies of a
note can tell whether that may be so: between two copies there must be at least as many offices as copies.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from dispatch.errors import EnvelopeError, StatementError
from keys import age

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dispatch.checks.verifier import VerifiedEnvelope
    from keys.roster import Roster

Place: TypeAlias = tuple[int, int]
"""A copy that is at hand: its place among the copies, and that of its addressee among all offices, from 1."""


def check_outside(verified: VerifiedEnvelope, offices: OfficeOrder) -> None:
    """Check what one verified copy shows of steps 7 and 9.

    Raises EnvelopeError, HeaderError, StanzaError, PayloadError, StatementError.
    """
    note, copy = verified.note, verified.copy
    version, issuer = note.roster.version, note.number.handle
    check_sealing(verified.body, copy.to, version, offices.roster)
    order, count = offices.at(version), note.copies.count
    places = [(copy.index, order[copy.to])]
    if not is_in_order(places, count, len(order)):
        raise StatementError("the copies cannot be one for each addressee, in order of handle")
    if not has_room(places, count, len(order), order[issuer]):
        raise StatementError("the issuer has no copy of its own")


def check_sealing(body: bytes, handle: str, version: int, roster: Roster) -> None:
    """Check that a body is sealed as the roster demands for its addressee.

    Raises EnvelopeError, HeaderError, StanzaError, PayloadError.
    """
    check_is_age(body)
    age.check_sealed(body, demanded_stanza(handle, version, roster))


def check_is_age(body: bytes) -> None:
    """Raise EnvelopeError unless a body is a binary age file."""
    if not body.startswith(age.MAGIC):
        raise EnvelopeError("the body is not a binary age file")


def demanded_stanza(handle: str, version: int, roster: Roster) -> str:
    """Give the type of the one stanza that a copy for an office must have."""
    return age.CLASSICAL if roster.office(handle).is_classical(version) else age.HYBRID


class OfficeOrder:
    """The offices as of a version of a roster, in order of handle."""

    def __init__(self, roster: Roster) -> None:
        self.roster = roster
        self._version = 0
        self._places: Mapping[str, int] = {}

    def at(self, version: int) -> Mapping[str, int]:
        """Give the place of each office, from 1, by handle."""
        if self._version != version:
            # notes that come one after another seldom name different versions
            self._places = {handle: place for place, handle in enumerate(self.roster.handles(version), 1)}
            self._version = version
        return self._places


def is_in_order(places: Sequence[Place], count: int, offices: int) -> bool:
    """Tell whether all copies can be in order of handle, if these are.

    `places`: in order; `count`: of the copies; `offices`: how many there are.
    """
    with_ends = [(0, 0), *places, (count + 1, offices + 1)]
    return all(later[1] - one[1] >= later[0] - one[0] for one, later in pairwise(with_ends))


def has_room(places: Sequence[Place], count: int, offices: int, office: int) -> bool:
    """Tell whether an office has, or can have, one of the copies. The arguments are as in `is_in_order`."""
    index, before = max((one for one in places if one[1] <= office), default=(0, 0))
    if before == office:
        return True
    end, after = min((one for one in places if one[1] > office), default=(count + 1, offices + 1))
    first = max(index + 1, end - (after - office))
    last = min(end - 1, index + office - before)
    return first <= last
