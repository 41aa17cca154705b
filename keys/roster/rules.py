"""The rules that one roster must keep by itself.

Source: docs/FORMAT.md, section 5. Every rule is a function that raises FormatError and
says where. What a roster owes to the one before it, `keys.trust` checks.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING, Any

from keys.errors import FormatError
from keys.lines import check_sealing, check_signing, sealing_type, signing_type
from keys.text import check_date, check_line, parse_handle

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from keys.roster.model import Entry, Group, KeyEntry, Office, Root, Roster

MAX_THRESHOLD = 16


def check_roster(roster: Roster) -> None:
    """Check every rule, the cheap ones first. Raises FormatError."""
    # 1. The roster's own head, and the table of the versions before it.
    _check_head(roster)
    _check_versions(roster)
    # 2. The root.
    try:
        _check_root(roster.root, roster.version)
    except FormatError as error:
        raise FormatError(f"root: {error}", hint=error.hint) from None
    # 3. Every office by itself.
    _check_ascending("offices", [office.handle for office in roster.offices])
    for office in roster.offices:
        try:
            _check_office(office, roster.version)
        except FormatError as error:
            raise FormatError(f"office {office.handle}: {error}", hint=error.hint) from None
    # 4. Groups, which name offices.
    _check_ascending("groups", [group.name for group in roster.groups])
    offices = {office.handle: office for office in roster.offices}
    for group in roster.groups:
        _check_group(group, offices, roster.version)
    # 5. No key stands twice.
    _check_keys_once(roster)


def _check_head(roster: Roster) -> None:
    parse_handle(roster.realm)
    if roster.version < 1:
        raise FormatError("a roster version below 1")
    if check_date(roster.date) >= check_date(roster.expires):
        raise FormatError("a roster that expires before its date")


def _check_versions(roster: Roster) -> None:
    """Demand every earlier version in order; dates never decrease."""
    # The count first: a few bytes can claim any version, and a table to compare with would fill the memory.
    if len(roster.versions) != roster.version - 1 or any(
        record.version != number for number, record in enumerate(roster.versions, 1)
    ):
        raise FormatError("versions: not every earlier version, in order")
    last = None
    for record in roster.versions:
        if check_date(record.date) >= check_date(record.expires):
            raise FormatError(f"versions: {record.version} expires before its date")
        if last is not None and record.date < last:
            raise FormatError(f"versions: {record.version} is dated before the one before it")
        last = record.date
    if last is not None and roster.date < last:
        raise FormatError("a roster dated before its last version")


def _check_root(root: Root, version: int) -> None:
    _check_spans("threshold", root.threshold_entries, version)
    _check_spans("keys", root.key_entries, version)
    _check_always_one("threshold", root.threshold_entries, 1, None)
    _check_thresholds("threshold", root.threshold_entries)
    for entry in root.key_entries:
        check_signing(entry.value)
    # Both numbers change only where an entry begins or ends.
    thresholds = {entry.since: entry.value for entry in root.threshold_entries}
    changes = dict.fromkeys(thresholds, 0)
    for entry in root.key_entries:
        changes[entry.since] = changes.get(entry.since, 0) + 1
        if entry.until is not None:
            changes[entry.until] = changes.get(entry.until, 0) - 1
    keys = threshold = 0
    for at in sorted(changes):
        keys += changes[at]
        threshold = thresholds.get(at, threshold)
        if keys < threshold:
            raise FormatError(f"fewer keys than the threshold as of version {at}")


def _check_office(office: Office, version: int) -> None:
    parse_handle(office.handle)
    _check_span("office", office.since, office.until, version)
    lists: tuple[tuple[str, Sequence[Entry[Any]]], ...] = (
        ("title", office.title_entries),
        ("rights", office.rights_entries),
        ("threshold", office.threshold_entries),
        ("classical", office.classical_entries),
        ("signing", office.signing_entries),
        ("sealing", office.sealing_entries),
    )
    for where, entries in lists:
        _check_spans(where, entries, version)
        _check_within(where, entries, office)
    _check_always_one("title", office.title_entries, office.since, office.until)
    _check_always_one("threshold", office.threshold_entries, office.since, office.until)
    _check_always_one("classical", office.classical_entries, office.since, office.until)
    _check_once_at_a_time("rights", office.rights_entries)
    _check_thresholds("threshold", office.threshold_entries)
    for title in office.title_entries:
        check_line(title.value)
    _check_keys(office)


def _check_keys(office: Office) -> None:
    """Check the form of every key, and that `classical` demands its type while both are in force."""
    hybrid = [entry for entry in office.classical_entries if not entry.value]
    classical = [entry for entry in office.classical_entries if entry.value]
    for entry in office.signing_entries:
        kind = check_signing(entry.value)
        if _overlaps(entry, hybrid if kind == signing_type(classical=True) else classical):
            raise FormatError(f"signing: a key of type {kind}, which the office may not use")
        if entry.compromised is not None:
            check_date(entry.compromised)
    for sealing in office.sealing_entries:
        kind = check_sealing(sealing.value)
        if _overlaps(sealing, hybrid if kind == sealing_type(classical=True) else classical):
            raise FormatError(f"sealing: a key of type {kind}, which the office may not use")


def _check_group(group: Group, offices: dict[str, Office], version: int) -> None:
    parse_handle(group.name)
    where = f"group {group.name}"
    _check_spans(where, group.member_entries, version)
    _check_once_at_a_time(where, group.member_entries)
    for entry in group.member_entries:
        office = offices.get(entry.value)
        if office is None or entry.since < office.since:
            raise FormatError(f"{where}: a member that is no office")
        if office.until is not None and (entry.until is None or entry.until > office.until):
            raise FormatError(f"{where}: {office.handle} is a member for longer than an office")


def _check_keys_once(roster: Roster) -> None:
    signing = [entry.value for entry in roster.root.key_entries]
    signing += [entry.value for office in roster.offices for entry in office.signing_entries]
    sealing = [entry.value for office in roster.offices for entry in office.sealing_entries]
    if len(set(signing)) != len(signing):
        raise FormatError("a signing key stands twice in the roster", hint="a key that ended never returns")
    if len(set(sealing)) != len(sealing):
        raise FormatError("a sealing key stands twice in the roster")


def _check_span(where: str, since: int, until: int | None, version: int) -> None:
    if not 1 <= since <= version:
        raise FormatError(f"{where}: `since` is not a version of this roster")
    if until is not None and not since < until <= version:
        raise FormatError(f"{where}: `until` is not a later version of this roster")


def _check_spans(where: str, entries: Iterable[Entry[Any] | KeyEntry], version: int) -> None:
    last = 0
    for entry in entries:
        _check_span(where, entry.since, entry.until, version)
        if entry.since < last:
            raise FormatError(f"{where}: entries out of order")
        last = entry.since


def _check_within(where: str, entries: Sequence[Entry[Any]], office: Office) -> None:
    """Demand that every entry begins while the office is one."""
    ends = inf if office.until is None else office.until
    if entries and not (entries[0].since >= office.since and entries[-1].since < ends):
        raise FormatError(f"{where}: an entry that begins outside the office's own time")


def _check_always_one(where: str, entries: Sequence[Entry[Any]], since: int, until: int | None) -> None:
    """Demand exactly one entry in force at every version from `since`, before `until`."""
    due: int | None = since
    for entry in entries:
        if due is None or entry.since != due:
            raise FormatError(f"{where}: not exactly one value as of version {entry.since}")
        due = entry.until
    if due is not None and (until is None or due < until):
        raise FormatError(f"{where}: no value as of version {due}")


def _check_once_at_a_time(where: str, entries: Sequence[Entry[Any]]) -> None:
    """Demand that no value is in force twice as of any version. `entries`: in order of `since`."""
    ends: dict[Any, int | None] = {}
    for entry in entries:
        end = ends.get(entry.value, 0)
        if end is None or end > entry.since:
            raise FormatError(f"{where}: {entry.value} stands twice as of version {entry.since}")
        ends[entry.value] = entry.until


def _check_thresholds(where: str, entries: Sequence[Entry[int]]) -> None:
    if not all(1 <= entry.value <= MAX_THRESHOLD for entry in entries):
        raise FormatError(f"{where}: not from 1 to {MAX_THRESHOLD}")


def _check_ascending(where: str, names: list[str]) -> None:
    if any(first >= second for first, second in pairwise(names)):
        raise FormatError(f"{where}: not in ascending order, or one stands twice")


def _overlaps(entry: Entry[Any], others: Sequence[Entry[Any]]) -> bool:
    """Tell whether `entry` is in force as of a version at which one of the others is.

    `others`: disjoint and in order. Searched, not gone through: a hostile roster has many.
    """
    first = bisect_right(others, float(entry.since), key=_end)  # the first that ends after this begins
    return first < len(others) and others[first].since < _end(entry)


def _end(entry: Entry[Any]) -> float:
    return inf if entry.until is None else entry.until
