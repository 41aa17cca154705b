"""Who gets a copy: handles and @groups as written, expanded as of one roster version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dispatch.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keys.roster import Roster


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressees:
    """Handles in ASCII order: `to` for action, `info` for information, `copies` all with the issuer."""

    to: tuple[str, ...]
    info: tuple[str, ...]
    copies: tuple[str, ...]


def expand(to: Iterable[str], info: Iterable[str], issuer: str, roster: Roster, version: int) -> Addressees:
    """Expand addressees as of roster `version`: `to` comes before `info`, each handle once.

    Raises RefusedError naming every unknown handle and every unknown or empty group.
    """
    wrong: list[str] = []
    action = _expand(to, roster, version, wrong)
    information = _expand(info, roster, version, wrong) - action
    if wrong:
        raise RefusedError(
            "; ".join(wrong),
            hint="`dispatch roster show` lists the offices and groups",
        )
    return Addressees(
        to=tuple(sorted(action)),
        info=tuple(sorted(information)),
        copies=tuple(sorted(action | information | {issuer})),
    )


def _expand(names: Iterable[str], roster: Roster, version: int, wrong: list[str]) -> set[str]:
    handles: set[str] = set()
    for name in names:
        if name.startswith("@"):
            members = roster.members(name[1:], version)
            if not members:
                wrong.append(f"the roster has no group {name} with members")
            handles.update(members)
        elif roster.has_office(name, version):
            handles.add(name)
        else:
            wrong.append(f"the roster has no office {name}")
    return handles
