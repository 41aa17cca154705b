"""A roster in words, and in the form that OpenSSH reads. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keys.lines import encode_sealing, parse_signing, sealing_fingerprint
from keys.text import format_date

if TYPE_CHECKING:
    from keys.roster import Roster


def describe_changes(old: Roster, new: Roster) -> tuple[str, ...]:
    """Say in lines what a new version changes in offices, their keys, and groups."""
    lines: list[str] = []
    for handle in sorted({*old.handles(old.version), *new.handles(new.version)}):
        before = _facts(old, handle) if old.has_office(handle, old.version) else frozenset()
        after = _facts(new, handle) if new.has_office(handle, new.version) else frozenset()
        lines += [f"- {fact}" for fact in sorted(before - after)]
        lines += [f"+ {fact}" for fact in sorted(after - before)]
    lines += [f"+ {mark}" for mark in sorted(_marks(new) - _marks(old))]
    for name in sorted({group.name for group in (*old.groups, *new.groups)}):
        members, now = old.members(name, old.version), new.members(name, new.version)
        lines += [f"- @{name}: {handle}" for handle in members if handle not in now]
        lines += [f"+ @{name}: {handle}" for handle in now if handle not in members]
    return tuple(lines)


def _facts(roster: Roster, handle: str) -> frozenset[str]:
    office, version = roster.office(handle), roster.version
    facts = [f"title {office.title(version)}", *(f"right {right}" for right in office.rights(version))]
    facts += [f"signing {key.fingerprint()}" for key in office.signing_keys(version)]
    sealing = office.sealing_key(version)
    if sealing is not None:
        facts.append(f"sealing {sealing_fingerprint(encode_sealing(sealing))}")
    if office.threshold(version) > 1:
        facts.append(f"threshold {office.threshold(version)}")
    return frozenset(f"{handle}: {fact}" for fact in facts)


def _marks(roster: Roster) -> frozenset[str]:
    """Name the keys that are marked as compromised, of ended offices too."""
    return frozenset(
        f"{office.handle}: {parse_signing(entry.value).fingerprint()} compromised since"
        f" {format_date(entry.compromised)}"
        for office in roster.offices
        for entry in office.signing_entries
        if entry.compromised is not None
    )


def allowed_signers(roster: Roster) -> str:
    """Write the signing keys of all offices as OpenSSH's allowed_signers, for `ssh-keygen -Y verify`.

    A key that has ended is valid before the date of the version that ended it, or before it was compromised.
    """
    lines = []
    for office in roster.offices:
        for entry in office.signing_entries:
            options = 'namespaces="dispatch-note"'
            ends = [roster.version_record(end).date for end in (entry.until, office.until) if end is not None]
            if entry.compromised is not None:
                ends.append(entry.compromised)
            if ends:
                options += f',valid-before="{min(ends):%Y%m%d%H%M%S}Z"'
            lines.append(f"{office.handle} {options} {entry.value}\n")
    return "".join(lines)
