"""Which signatures of a note count, and from when on a thief of its keys could have made it.

Source: docs/FORMAT.md, section 14. Pure. Marks of compromise and ends of keys are judged by the newest
roster, all else by the version that the note names. The rules:

    a signature counts
      1. if its key is not marked, or marked from a moment later than the note's date
      2. if its key and office have not ended, or the note is dated at most `LATE` after the date of the
         roster version that ended the first of them
    a note
      3. as many of its signatures count as its office's threshold
      4. from the moment at which fewer of these are unmarked it needs evidence that it is older
      5. when it arrives for the first time, as many have not ended more than `LATE` ago

Whoever holds evidence judges by the fourth rule, see `dispatch/checks/soundness.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from keys.errors import CompromisedError, EndedKeyError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from keys.roster import KeyEntry, Office, Roster
    from keys.signing import VerifyKey

LATE = timedelta(days=30)
"""How long after the end of its keys a note may be dated, and may arrive for the first time."""


class Standing(NamedTuple):
    """What the newest roster says of a key that signed. `marked`, `ended`: since when, or None."""

    marked: datetime | None
    ended: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """The signatures of one note that count, and how many of them are due."""

    threshold: int
    standings: tuple[Standing, ...]

    @property
    def forgeable_from(self) -> datetime | None:
        """The moment from which too few of its keys are unmarked; None if enough were never marked."""
        marks = sorted(one.marked for one in self.standings if one.marked is not None)
        # as many keys as this may be in other hands before fewer than the threshold are left
        spare = len(self.standings) - self.threshold
        return marks[spare] if spare < len(marks) else None


def count_signatures(
    roster: Roster, *, issuer: str, version: int, signers: Iterable[VerifyKey], date: datetime
) -> Counted:
    """Demand that enough signatures of a note count.

    `roster`: the newest; `version`: the one that the note names, as of which `signers` were verified.
    Raises CompromisedError, EndedKeyError (rules 1 to 3).
    """
    office = roster.office(issuer)
    threshold = office.threshold(version)
    entries = [entry for entry in map(office.signing_entry, set(signers)) if entry is not None]
    standings = [_standing(roster, office, entry) for entry in entries]
    unmarked = [one for one in standings if one.marked is None or one.marked > date]
    counting = tuple(one for one in unmarked if one.ended is None or date - one.ended <= LATE)
    if len(unmarked) < threshold:
        raise CompromisedError("the note is signed by a key that was compromised at its date")
    if len(counting) < threshold:
        raise EndedKeyError(
            f"the note is dated more than {LATE.days} days after the end of a key that signed it"
        )
    return Counted(threshold=threshold, standings=counting)


def check_first_arrival(counted: Counted, arrived: datetime) -> None:
    """Demand of a note that arrives for the first time that its keys are not long ended (rule 5).

    Raises EndedKeyError: hold the note then.
    """
    recent = [one for one in counted.standings if one.ended is None or arrived - one.ended <= LATE]
    if len(recent) < counted.threshold:
        raise EndedKeyError("the note came too long after the end of a key that signed it")


def _standing(roster: Roster, office: Office, entry: KeyEntry) -> Standing:
    versions = [end for end in (entry.until, office.until) if end is not None]
    ended = roster.version_record(min(versions)).date if versions else None
    return Standing(entry.compromised, ended)
