"""Who gets a copy: the handles and @groups of a message -> offices, as of one roster version. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dispatch.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from keys.roster import Roster


_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressees:
    """Handles in ASCII order: `to` for action, `info` for information; `copies`: all and the issuer."""

    to: tuple[str, ...]
    info: tuple[str, ...]
    copies: tuple[str, ...]


class UnknownAddresseesError(RefusedError):
    """Some addressees are no offices. `wrong`: each of these as written, and what is wrong with it."""

    def __init__(self, wrong: dict[str, str]) -> None:
        more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        super().__init__(
            "; ".join(list(wrong.values())[:_SHOWN]) + more,
            hint="`dispatch roster show` lists the offices and groups",
        )
        self.wrong = wrong


def expand(to: Iterable[str], info: Iterable[str], issuer: str, roster: Roster, version: int) -> Addressees:
    """Expand addressees as of roster `version`. A handle in both `to` and `info` counts as one in `to`.

    Raises UnknownAddresseesError naming every unknown handle and every unknown or empty group.
    """
    wrong: dict[str, str] = {}
    action = _expand(to, roster, version, wrong)
    information = _expand(info, roster, version, wrong) - action
    if wrong:
        raise UnknownAddresseesError(wrong)
    return Addressees(
        to=tuple(sorted(action)),
        info=tuple(sorted(information)),
        copies=tuple(sorted(action | information | {issuer})),
    )


def members(names: Iterable[str], roster: Roster, version: int) -> tuple[str, ...]:
    """Expand handles and @groups as of roster `version`, sorted. Raises UnknownAddresseesError."""
    wrong: dict[str, str] = {}
    handles = _expand(names, roster, version, wrong)
    if wrong:
        raise UnknownAddresseesError(wrong)
    return tuple(sorted(handles))


def ended_offices(handles: Iterable[str], roster: Roster) -> dict[str, datetime]:
    """Find those of these offices that have ended, each with the date of the roster version that ended it."""
    ends = {handle: roster.office(handle).until for handle in handles}
    return {handle: roster.version_record(end).date for handle, end in ends.items() if end is not None}


def _expand(names: Iterable[str], roster: Roster, version: int, wrong: dict[str, str]) -> set[str]:
    handles: set[str] = set()
    for name in names:
        if name.startswith("@"):
            members = roster.members(name[1:], version)
            if not members:
                wrong[name] = f"the roster has no group {name} with members"
            handles.update(members)
        elif roster.has_office(name, version):
            handles.add(name)
        else:
            wrong[name] = f"the roster has no office {name}"
    return handles
