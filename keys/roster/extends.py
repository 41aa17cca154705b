"""What a roster owes to the one before it: it extends it.

Source: docs/FORMAT.md, section 5, "Accepting". The past stays as it was, so that the
newest roster alone answers for every earlier version. What may change: a value that was
in force may have ended, above the trusted version; a signing key may have been marked as
compromised; sealing keys that ended may be gone. What is new begins above the trusted
version. Every violation is a ForkError that says where.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from keys.errors import ForkError
from keys.roster.model import KeyEntry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keys.roster.model import Entry, Office, Roster


class _Spanned(Protocol):
    @property
    def since(self) -> int: ...
    @property
    def until(self) -> int | None: ...


def check_extends(old: Roster, new: Roster) -> None:
    """Demand that `new`, of a higher version, extends `old`. Raises ForkError."""
    # 1. The versions: the old table, the old version itself, then others.
    known = (*old.versions, old.version_record(old.version))
    if new.versions[: old.version] != known:
        raise ForkError(f"version {new.version} of the roster does not build on the trusted {old.version}")
    # 2. The root.
    _check_entries("the root threshold", old.root.threshold_entries, new.root.threshold_entries, old.version)
    _check_entries("the root keys", old.root.key_entries, new.root.key_entries, old.version)
    # 3. Offices stay, and new ones are new.
    offices = {office.handle: office for office in new.offices}
    for office in old.offices:
        later = offices.pop(office.handle, None)
        if later is None:
            raise ForkError(f"the office {office.handle} is gone from the roster")
        if later != office:
            _check_office(office, later, old.version)
    for office in offices.values():
        if office.since <= old.version:
            raise ForkError(f"the office {office.handle} was put into the past of the roster")
    # 4. So do groups.
    groups = {group.name: group.member_entries for group in new.groups}
    for group in old.groups:
        if group.name not in groups:
            raise ForkError(f"the group {group.name} is gone from the roster")
        _check_entries(f"the group {group.name}", group.member_entries, groups.pop(group.name), old.version)
    for name, entries in groups.items():
        _check_entries(f"the group {name}", (), entries, old.version)


def _check_office(old: Office, new: Office, version: int) -> None:
    where = f"the office {old.handle}"
    if new.since != old.since or not _may_end(old, new, version):
        raise ForkError(f"the past of the roster was altered: {where}")
    _check_entries(f"{where}: title", old.title_entries, new.title_entries, version)
    _check_entries(f"{where}: rights", old.rights_entries, new.rights_entries, version)
    _check_entries(f"{where}: threshold", old.threshold_entries, new.threshold_entries, version)
    _check_entries(f"{where}: classical", old.classical_entries, new.classical_entries, version)
    _check_entries(f"{where}: signing", old.signing_entries, new.signing_entries, version)
    # Those that are gone have ended, at the latest in the new roster.
    past = [entry for entry in new.sealing_entries if entry.since <= version]
    kept = {entry.value for entry in past}
    remaining = [entry for entry in old.sealing_entries if entry.value in kept]
    _check_entries(f"{where}: sealing", remaining, new.sealing_entries, version)


def _check_entries(where: str, old: Sequence[Entry[Any]], new: Sequence[Entry[Any]], version: int) -> None:
    """Demand that `new` begins with `old`, but for ends, and that the rest begins above `version`."""
    if len(new) < len(old) or any(
        not _may_become(first, second, version) for first, second in zip(old, new, strict=False)
    ):
        raise ForkError(f"the past of the roster was altered: {where}")
    if any(entry.since <= version for entry in new[len(old) :]):
        raise ForkError(f"the past of the roster was added to: {where}")


def _may_become(old: Entry[Any], new: Entry[Any], version: int) -> bool:
    if old.value != new.value or old.since != new.since or not _may_end(old, new, version):
        return False
    if isinstance(old, KeyEntry) and isinstance(new, KeyEntry):
        return old.compromised in {None, new.compromised}
    return True


def _may_end(old: _Spanned, new: _Spanned, version: int) -> bool:
    """Tell whether the end is the same, or one that lies above the trusted version."""
    return old.until == new.until or (old.until is None and new.until is not None and new.until > version)
