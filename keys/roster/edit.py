"""The next version of a roster, as a draft: edits are pure, Roster in, Roster out.

A draft is a roster that nobody has signed yet: `next_version` opens it, the edits change
it, and until it is signed it may be kept as its line of JSON and edited again. Whatever
an edit begins or ends, it does so at the draft's version; what was begun at that version
is rebuilt by the next edit, so that nothing but the outcome remains: a member added and
removed before signing leaves no trace.

Edits touch only what they are about. `encode_roster` checks the whole and refuses, for
one, a key that stands elsewhere in the roster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from msgspec.structs import replace

from keys.errors import FormatError
from keys.lines import parse_signing
from keys.roster.model import RIGHTS, Entry, Group, KeyEntry, Office, Record, Right, Root, Roster
from keys.text import parse_handle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from keys.card import Card
    from keys.signing import VerifyKey

E = TypeVar("E", bound=Entry[Any])


def first_roster(
    *, realm: str, root: Iterable[VerifyKey], threshold: int = 1, date: datetime, expires: datetime
) -> Roster:
    """Open version 1 of a realm, without offices. `threshold`: how many root keys must sign."""
    keys = tuple(Entry(value=key.line(), since=1, until=None) for key in root)
    thresholds = (Entry(value=threshold, since=1, until=None),)
    return Roster(
        realm=realm,
        version=1,
        date=date,
        expires=expires,
        versions=(),
        root=Root(threshold_entries=thresholds, key_entries=keys),
        offices=(),
        groups=(),
    )


def next_version(roster: Roster, *, date: datetime, expires: datetime) -> Roster:
    """Open the version after `roster`, nothing in it changed yet; dates as in `set_dates`."""
    versions = (*roster.versions, roster.version_record(roster.version))
    draft = replace(roster, version=roster.version + 1, versions=versions)
    return set_dates(draft, date=date, expires=expires)


def set_dates(draft: Roster, *, date: datetime, expires: datetime) -> Roster:
    """Date a draft, as when it is signed. A clock that runs behind uses the last version's date."""
    last: Sequence[Record] = draft.versions[-1:]
    return replace(draft, date=max([date, *(record.date for record in last)]), expires=expires)


def set_root(draft: Roster, keys: Iterable[VerifyKey], *, threshold: int) -> Roster:
    """Make these the root keys, and this many of them the threshold."""
    entries = _rebuild(draft.root.key_entries, [key.line() for key in keys], draft.version, _entry)
    thresholds = _rebuild(draft.root.threshold_entries, [threshold], draft.version, _entry)
    return replace(draft, root=Root(threshold_entries=thresholds, key_entries=entries))


def add_office(draft: Roster, card: Card, rights: Iterable[str] | None = None) -> Roster:
    """Add the office of a verified card, or give a listed one its keys, title and algorithms.

    `rights`: what it may do from now on; None leaves them, and gives none to a new office.
    Keys that the card does not name end. Raises FormatError.
    """
    return add_offices(draft, [(card, rights)])


def add_offices(draft: Roster, cards: Iterable[tuple[Card, Iterable[str] | None]]) -> Roster:
    """Add many offices at once; see `add_office`."""
    offices = {office.handle: office for office in draft.offices}
    for card, rights in cards:
        old = offices.get(card.handle) or _new_office(card, draft.version)
        wanted = None if rights is None else _check_rights(rights)
        offices[card.handle] = _with_card(old, card, wanted, draft.version)
    return replace(draft, offices=tuple(offices[handle] for handle in sorted(offices)))


def withdraw_card(draft: Roster, handle: str) -> Roster:
    """Undo what this draft has taken from a card of an office. An office that is new in it needs another one.

    Raises UnknownOfficeError.
    """
    return _with_office(draft, _without_card(draft.office(handle), draft.version))


def set_threshold(draft: Roster, handle: str, threshold: int) -> Roster:
    """Say how many distinct keys must sign the notes of an office. Raises UnknownOfficeError."""
    office = draft.office(handle)
    entries = _rebuild(office.threshold_entries, [threshold], draft.version, _entry)
    return _with_office(draft, replace(office, threshold_entries=entries))


def set_group(draft: Roster, name: str, handles: Iterable[str]) -> Roster:
    """Make these the members of a group, which need not exist yet.

    Raises UnknownOfficeError for one that is no office, FormatError for a name that is none.
    """
    parse_handle(name)
    members = sorted(set(handles))
    for handle in members:
        draft.office(handle).title(draft.version)  # raises if it has ended, too
    groups = {group.name: group for group in draft.groups}
    old = groups.get(name) or Group(name=name, member_entries=())
    entries = _rebuild(old.member_entries, members, draft.version, _entry)
    groups[name] = Group(name=name, member_entries=entries)
    if not entries:
        del groups[name]
    return replace(draft, groups=tuple(groups[name] for name in sorted(groups)))


def revoke_key(draft: Roster, handle: str, fingerprint: str, compromised: datetime) -> Roster:
    """End a signing key, and mark it as in other hands since `compromised`.

    If the key was in force, what this draft had taken from a card of the office is undone, since the key
    may have vouched for it. Raises UnknownOfficeError, FormatError (no such key, or marked already).
    """
    office = draft.office(handle)
    entries = list(office.signing_entries)
    prints = [parse_signing(entry.value).fingerprint() for entry in entries]
    if fingerprint not in prints:
        raise FormatError(f"{handle} has no signing key {fingerprint}")
    index = prints.index(fingerprint)
    entry = entries[index]
    if entry.since == draft.version:
        raise FormatError("a key that is not in force yet: leave it out instead")
    if entry.compromised is not None:
        raise FormatError("the key is marked as compromised already: its date cannot be changed")
    entries[index] = replace(entry, until=entry.until or draft.version, compromised=compromised)
    office = replace(office, signing_entries=tuple(entries))
    could_vouch = entry.until in {None, draft.version}
    return _with_office(draft, _without_card(office, draft.version) if could_vouch else office)


def _new_office(card: Card, version: int) -> Office:
    return Office(
        handle=card.handle,
        since=version,
        until=None,
        title_entries=(),
        rights_entries=(),
        threshold_entries=(_entry(1, version),),
        classical_entries=(),
        signing_entries=(),
        sealing_entries=(),
    )


def _with_card(office: Office, card: Card, rights: list[Right] | None, version: int) -> Office:
    if office.until is not None:
        raise FormatError(f"the office {office.handle} has ended, and never returns")
    _check_no_return(office, card, version)
    sealing = _rebuild(office.sealing_entries, card.sealing, version, _entry)
    if [entry.value for entry in sealing if entry.in_force(version)][-1] != card.sealing[-1]:
        raise FormatError("the card's last sealing key is older than another one that it keeps")
    return replace(
        office,
        title_entries=_rebuild(office.title_entries, [card.title], version, _entry),
        rights_entries=office.rights_entries
        if rights is None
        else _rebuild(office.rights_entries, rights, version, _entry),
        classical_entries=_rebuild(office.classical_entries, [card.classical], version, _entry),
        signing_entries=_rebuild(office.signing_entries, card.signing, version, _key_entry),
        sealing_entries=sealing,
    )


def _without_card(office: Office, version: int) -> Office:
    """Undo what a card has begun and ended at the draft's version."""
    return replace(
        office,
        title_entries=_before(office.title_entries, version),
        classical_entries=_before(office.classical_entries, version),
        signing_entries=_before(office.signing_entries, version),
        sealing_entries=_before(office.sealing_entries, version),
    )


def _before(entries: Iterable[E], version: int) -> tuple[E, ...]:
    """Give the entries as they were before the draft's version, except that a marked key stays ended."""
    return tuple(
        replace(entry, until=None) if entry.until == version and not _is_marked(entry) else entry
        for entry in entries
        if entry.since < version
    )


def _is_marked(entry: Entry[Any]) -> bool:
    return isinstance(entry, KeyEntry) and entry.compromised is not None


def _check_no_return(office: Office, card: Card, version: int) -> None:
    """Refuse a card with a key that this office has given up: it never comes back."""
    ended = {entry.value for entry in office.sealing_entries if entry.until not in {None, version}}
    ended |= {
        entry.value
        for entry in office.signing_entries
        if entry.until is not None and (entry.until < version or entry.compromised is not None)
    }
    if ended & {*card.signing, *card.sealing}:
        raise FormatError("the card names a key that has ended", hint="make a new one: keys never return")


def _with_office(draft: Roster, office: Office) -> Roster:
    offices = tuple(office if one.handle == office.handle else one for one in draft.offices)
    return replace(draft, offices=offices)


def _check_rights(rights: Iterable[str]) -> list[Right]:
    wanted = set(rights)
    if not wanted <= set(RIGHTS):
        raise FormatError("a right that there is not", hint=f"rights are {', '.join(RIGHTS)}")
    return [right for right in RIGHTS if right in wanted]


def _entry(value: Any, version: int) -> Entry[Any]:
    return Entry(value=value, since=version, until=None)


def _key_entry(line: str, version: int) -> KeyEntry:
    return KeyEntry(value=line, since=version, until=None, compromised=None)


def _rebuild(
    entries: Sequence[E], wanted: Iterable[Any], version: int, make: Callable[[Any, int], E]
) -> tuple[E, ...]:
    """Make exactly `wanted` the values in force as of the draft's `version`.

    Entries from before it are kept, ended or, if this draft had ended them, reopened;
    those begun at it are made anew, in the order wanted.
    """
    missing = list(wanted)
    rebuilt = []
    for entry in entries:
        if entry.since == version:
            continue
        until = entry.until
        if until is None or until == version:
            until = None if entry.value in missing else version
            if until is None:
                missing.remove(entry.value)
        rebuilt.append(replace(entry, until=until))
    return (*rebuilt, *(make(value, version) for value in missing))
