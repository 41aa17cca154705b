"""What contradicts what in the registers, and what is missing. Pure.

Every head that a note pins, and every id in a signed list of a register, is compared with the ids of the
notes that are here.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from dispatch.audit.findings import Finding, with_files
from dispatch.errors import FINDINGS, INTEGRITY
from dispatch.formats.note import FIRST_HEAD, Number
from keys.text import format_date

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dispatch.audit.collect import Collected, NoteFacts
    from dispatch.audit.registers import Volume


def check_registers(offices: Mapping[str, list[Volume]], *, partial: bool) -> Iterator[Finding]:
    """Find what contradicts what in each register, and what is missing.

    `partial`: only one office's share was given, so that gaps are no fault.
    """
    for volumes in offices.values():
        for volume in volumes:
            yield from _twice(volume)
            yield from _heads(volume)
            yield from _rewritten(volume)
            yield from _gaps(volume, partial=partial)
        yield from _volumes_at_once(volumes)
        yield from _dates(volumes)


def _twice(volume: Volume) -> Iterator[Finding]:
    for ordinal, notes in sorted(volume.notes.items()):
        if len(notes) > 1:
            text = f"{len(notes)} different notes have this number"
            yield _broken("two-notes-one-number", f"{volume.name}/{ordinal}", text, _files(notes))


def _heads(volume: Volume) -> Iterator[Finding]:
    for size, roots in sorted(volume.pins.items()):
        if len(roots) > 1:
            text = f"{len(roots)} different heads are pinned for its first {size} notes"
            files = [file for pinning in roots.values() for file in pinning]
            yield _broken("heads-differ", f"{volume.name}/{size}", text, files)
    wrong = set(volume.wrong)
    for is_wrong, group in groupby(sorted(volume.pins), key=wrong.__contains__):
        if not is_wrong:
            continue
        run = list(group)
        first = run[0]
        more = f", nor {run[-1]} (in {len(run)} heads one after another)" if len(run) > 1 else ""
        text = f"the ids of its notes do not give the head that is pinned for the first {first}{more}"
        files = [file for size in run for pinning in volume.pins[size].values() for file in pinning]
        yield _broken("head-broken", f"{volume.name}/{first}", text, files)


def _rewritten(volume: Volume) -> Iterator[Finding]:
    """Compare each signed list with the notes that are here, and with the lists before it."""
    known: dict[int, dict[bytes, str]] = defaultdict(dict)
    for ordinal, notes in volume.notes.items():
        known[ordinal] = {facts.id: facts.file for facts in notes}
    for name, statement in volume.statements:
        against = [
            ordinal for ordinal, one in enumerate(statement.ids, 1) if one not in known.get(ordinal, {one})
        ]
        if against:
            first = against[0]
            more = f", and for {len(against) - 1} others" if len(against) > 1 else ""
            text = f"a signed statement of the register has another id for it{more}"
            files = [name, *(file for one in against for file in known[one].values())]
            yield _broken("register-rewritten", f"{volume.name}/{first}", text, files)
        if name == volume.statements[-1][0]:
            return  # nothing is compared with the ids of the last list, which may be long
        for ordinal, one in enumerate(statement.ids, 1):
            if ordinal not in volume.notes:
                known[ordinal].setdefault(one, name)


def check_lists(collected: Collected) -> Iterator[Finding]:
    """Find signed lists that cannot be true: an id twice or of another number, or a date before its notes."""
    for name, listed in collected.statements:
        wrong = []
        if len(set(listed.ids)) < len(listed.ids):
            wrong.append("it names one id twice")
        if listed.date.year < int(listed.volume[:4]):
            wrong.append(f"it is dated {format_date(listed.date)}, before the year of its volume")
        files = [name]
        for ordinal, note_id in enumerate(listed.ids, 1):
            facts = collected.notes.get(note_id)
            if facts is None:
                continue
            number = Number(listed.issuer, listed.volume, ordinal)
            if facts.number != number:
                what = f"it has the id of {facts.number} for {number}"
            elif listed.date < facts.note.date:
                dates = f"{format_date(listed.date)}, before {number} of {format_date(facts.note.date)}"
                what = f"it is dated {dates}, which it names"
            else:
                continue
            wrong.append(what)
            files.append(facts.file)
            break
        if wrong:
            subject = f"{listed.issuer}/{listed.volume}"
            yield _broken("list-impossible", subject, "; ".join(wrong), files)


def _gaps(volume: Volume, *, partial: bool) -> Iterator[Finding]:
    # a volume of which only a signed list was kept belongs to another year's audit
    is_kept = not volume.notes and bool(volume.statements)
    if not partial and not is_kept:
        for first, last in volume.missing():
            subject = f"{volume.name}/{first}" + (f"-{last}" if last > first else "")
            known = "; its id is known" if first in volume.proven else ""
            count = last - first + 1
            text = f"{count} notes are not here" if count > 1 else f"the note is not here{known}"
            files = _files(volume.notes.get(last + 1, ()))
            yield _missing("missing-note", subject, text, files)
    if volume.unchecked:
        text = (
            f"{volume.unchecked} pinned heads could not be recomputed: the ids are known up to "
            f"{len(volume.ids)}, and a signed statement of the register is not here"
        )
        if partial:
            yield Finding(
                kind="missing-id-list", subject=volume.name, text=text, severity="not-checkable", code=0
            )
        else:
            yield _missing("missing-id-list", volume.name, text, [])


def _volumes_at_once(volumes: list[Volume]) -> Iterator[Finding]:
    """Find volumes that ran at once: each must close the volume before it, at its final size."""
    for before, volume in pairwise(volumes):
        for facts in volume.notes.get(1, ()):
            head = facts.note.register
            if head.volume != before.volume:
                is_first = head == FIRST_HEAD
                said = "says that it is the first of its office" if is_first else f"closes {head.volume}"
                text = f"it {said}, and there is the volume {before.volume}"
                files = [*_files([facts]), *_any_files(before)]
                yield _broken("two-volumes-at-once", str(facts.number), text, files)
            elif head.size < max(before.notes, default=0):
                later = [one for after, notes in before.notes.items() if after > head.size for one in notes]
                text = f"it closes {before.volume} at {head.size} notes, and there are later ones in it"
                yield _broken("two-volumes-at-once", str(facts.number), text, _files([facts, *later]))


def _dates(volumes: list[Volume]) -> Iterator[Finding]:
    """Compare the date of each note with that of the one before it.

    Before the first note of a volume comes the last one of the volume that it closes.
    """
    for position, volume in enumerate(volumes):
        previous = _closed_at(volumes[position - 1], volume) if position else None
        for _, notes in sorted(volume.notes.items()):
            for facts in notes:
                if previous is not None and facts.note.date < previous.note.date:
                    text = f"dated {format_date(facts.note.date)}, before {previous.number} which precedes it"
                    yield _broken("dates-decrease", str(facts.number), text, _files([facts, previous]))
            previous = min(notes, key=lambda one: (one.note.date, one.id))


def _closed_at(before: Volume, volume: Volume) -> NoteFacts | None:
    """Give the last note here of the volume before, up to the size at which `volume` closed it."""
    for facts in volume.notes.get(1, ()):
        head = facts.note.register
        if head.volume == before.volume:
            ordinal = max((one for one in before.notes if one <= head.size), default=0)
            return before.notes[ordinal][0] if ordinal else None
    return None


def _files(notes: Iterable[NoteFacts]) -> list[str]:
    return [facts.file for facts in notes]


def _any_files(volume: Volume) -> list[str]:
    """Give the files of the first note here, to show that the volume exists."""
    return [facts.file for ordinal in sorted(volume.notes)[:1] for facts in volume.notes[ordinal]]


def _broken(kind: str, subject: str, text: str, files: Iterable[str]) -> Finding:
    return with_files(Finding(kind=kind, subject=subject, text=text, code=INTEGRITY), files)


def _missing(kind: str, subject: str, text: str, files: Iterable[str]) -> Finding:
    found = Finding(kind=kind, subject=subject, text=text, severity="missing", code=FINDINGS)
    return with_files(found, files)
