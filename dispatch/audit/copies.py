"""The copies of each note: one for each addressee and for the issuer, in order of handle. Pure.

The text that names the addressees is sealed. But a copy names its addressee and its place among the copies,
so that copies which cannot all be right are found, also where some are not here.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from dispatch.audit.findings import Finding, with_files
from dispatch.checks.outside import OfficeOrder, has_room, is_in_order
from dispatch.errors import INTEGRITY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dispatch.audit.collect import Collected, NoteFacts
    from keys.roster import Roster


class Misplaced(NamedTuple):
    """What is wrong with the copies of a note.

    `places`: those of the files that prove it in the archive; `file`: the first one that holds the note.
    """

    kind: str
    subject: str
    text: str
    places: tuple[int, ...]
    file: str


def misplaced_copies(collected: Collected, roster: Roster) -> list[Misplaced]:
    """Find notes whose copies cannot be one for each addressee and the issuer, in order of handle."""
    offices = OfficeOrder(roster)
    notes = sorted(collected.notes.values(), key=lambda one: (one.note.roster.version, one.number, one.id))
    return [
        found
        for facts in notes
        for found in _misplaced(facts, collected.offices.names, offices.at(facts.note.roster.version))
    ]


def _misplaced(facts: NoteFacts, names: list[str], order: Mapping[str, int]) -> Iterator[Misplaced]:
    """`names`: of offices, by their numbers; `order`: the place of each office among all, by handle."""
    count, issuer = facts.note.copies.count, facts.number.handle
    copies = [
        (index, order[names[office]]) for index, office in zip(facts.present(), facts.offices, strict=True)
    ]
    is_ordered = is_in_order(copies, count, len(order))
    counted = Counter(facts.offices) if not is_ordered else Counter()
    twice = sorted(names[office] for office, times in counted.items() if times > 1)

    def found(kind: str, text: str, proving: Iterable[int]) -> Misplaced:
        return Misplaced(kind, str(facts.number), text, tuple(proving), facts.file)

    if twice:
        proving = [
            place for office, place in zip(facts.offices, facts.places, strict=True) if counted[office] > 1
        ]
        yield found(
            "two-copies-one-office", f"more than one of its copies is for {', '.join(twice)}", proving
        )
    elif count > len(order):
        text = f"it has {count} copies, and the roster listed {len(order)} offices"
        yield found("copies-out-of-order", text, ())
    elif not is_ordered:
        text = "its copies are not in order of handle, with one for each addressee"
        yield found("copies-out-of-order", text, facts.places)
    if order[issuer] in {office for _, office in copies}:
        return
    lacks = not has_room(copies, count, len(order), order[issuer]) if is_ordered else facts.is_whole
    if lacks:
        yield found("no-file-copy", f"it has no copy for {issuer}, which issued it", facts.places)


def check_copies(misplaced: list[Misplaced], names: Mapping[int, str]) -> Iterator[Finding]:
    """Give a finding for each. `names`: of files, by their places in the archive."""
    for one in misplaced:
        finding = Finding(kind=one.kind, subject=one.subject, text=one.text, code=INTEGRITY)
        yield with_files(finding, [names[place] for place in one.places if place in names] or [one.file])
