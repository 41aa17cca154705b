"""Registers: numbers, heads, dates, gaps, forks, chains. What is known of notes -> findings. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from dispatch.audit.result import Finding, Volume
from dispatch.errors import FINDINGS, INTEGRITY
from dispatch.merkle import Frontier, leaf_hash
from dispatch.note import NO_VOLUME
from keys.codec import encode_base64
from keys.text import format_date

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dispatch.audit.collect import Collected, NoteFact
    from dispatch.statement import Statement

_NAMED = 12


@dataclass(slots=True)
class VolumeFacts:
    """One volume of one office: notes by ordinal (more than one is equivocation), ids that are known."""

    issuer: str
    volume: str
    notes: dict[int, list[NoteFact]] = field(default_factory=lambda: defaultdict(list))
    ids: dict[int, bytes] = field(default_factory=dict)
    listed: dict[int, set[bytes]] = field(default_factory=lambda: defaultdict(set))

    @property
    def last(self) -> int:
        """The highest ordinal that is here, or that a statement names."""
        return max([*self.notes, *self.ids], default=0)


def volumes_of(collected: Collected, statements: Sequence[Statement]) -> dict[tuple[str, str], VolumeFacts]:
    """Sort notes into volumes; what a signed statement lists fills in the ids that are not here."""
    found: dict[tuple[str, str], VolumeFacts] = {}
    for fact in sorted(collected.notes.values(), key=lambda one: (one.number, one.id)):
        handle, volume, ordinal = fact.number
        here = found.setdefault((handle, volume), VolumeFacts(handle, volume))
        here.notes[ordinal].append(fact)
        here.ids.setdefault(ordinal, fact.id)
    for statement in statements:
        here = found.setdefault(
            (statement.issuer, statement.volume), VolumeFacts(statement.issuer, statement.volume)
        )
        for ordinal, note_id in enumerate(statement.ids, 1):
            here.ids.setdefault(ordinal, note_id)
            here.listed[ordinal].add(note_id)
    return found


def check_registers(
    collected: Collected, volumes: Mapping[tuple[str, str], VolumeFacts], *, partial: bool
) -> Iterator[Finding]:
    """Find what contradicts what in the registers, and what is missing."""
    for key in sorted(volumes):
        here = volumes[key]
        yield from _equivocations(here)
        yield from _gaps(here, partial=partial)
        yield from _heads(here)
        yield from _dates(here)
    yield from _successions(volumes)
    yield from _chains(collected)


def describe_volumes(volumes: Mapping[tuple[str, str], VolumeFacts]) -> tuple[Volume, ...]:
    """Give what is known of each volume."""
    found = []
    for key in sorted(volumes):
        here = volumes[key]
        dates = sorted(fact.note.date for facts in here.notes.values() for fact in facts)
        size, root = _proven_head(here)
        found.append(
            Volume(
                issuer=here.issuer,
                volume=here.volume,
                last=here.last,
                present=len(here.notes),
                missing=tuple(sorted(set(range(1, here.last + 1)) - here.notes.keys())),
                begun=format_date(dates[0]) if dates else "",
                ended=format_date(dates[-1]) if dates else "",
                size=size,
                root=encode_base64(root),
            )
        )
    return tuple(found)


def covered_by(here: VolumeFacts) -> int:
    """Give up to which ordinal the ids of a volume are known, without a gap or doubt."""
    known = 0
    while _is_certain(here, known + 1):
        known += 1
    return known


def _proven_head(here: VolumeFacts) -> tuple[int, bytes]:
    tree = Frontier()
    for ordinal in range(1, covered_by(here) + 1):
        tree.append(leaf_hash(here.ids[ordinal]))
    return tree.size, tree.root


def _equivocations(here: VolumeFacts) -> Iterator[Finding]:
    for ordinal, facts in sorted(here.notes.items()):
        if len(facts) > 1:
            yield Finding(
                kind="equivocation",
                subject=str(facts[0].number),
                text=f"{len(facts)} different notes have this number, each signed by {here.issuer}",
                severity="broken",
                code=INTEGRITY,
                files=_files(facts),
            )
        elif here.listed.get(ordinal, {facts[0].id}) != {facts[0].id}:
            yield _contradicts_statement(here, facts[0])


def _contradicts_statement(here: VolumeFacts, fact: NoteFact) -> Finding:
    return Finding(
        kind="statement-contradicted",
        subject=str(fact.number),
        text=f"the signed list of {here.issuer}/{here.volume} has another id for this number",
        severity="broken",
        code=INTEGRITY,
        files=_files([fact]),
    )


def _gaps(here: VolumeFacts, *, partial: bool) -> Iterator[Finding]:
    missing = sorted(set(range(1, here.last + 1)) - here.notes.keys())
    if not missing:
        return
    unknown = [ordinal for ordinal in missing if ordinal not in here.ids]
    heads = "; heads after the first of them cannot be recomputed without the list of ids" if unknown else ""
    yield Finding(
        kind="gap",
        subject=f"{here.issuer}/{here.volume}",
        text=f"{len(missing)} of {here.last} notes are not here: {_ranges(missing)}{heads}",
        severity="not-checkable" if partial else "missing",
        code=0 if partial else FINDINGS,
    )


def _heads(here: VolumeFacts) -> Iterator[Finding]:
    """Recompute the head that each note pins, as far as the ids are known without doubt."""
    tree = Frontier()
    pinned: dict[int, dict[bytes, list[NoteFact]]] = defaultdict(lambda: defaultdict(list))
    wrong: list[NoteFact] = []
    for ordinal, facts in sorted(here.notes.items()):
        while tree.size < ordinal - 1 and _is_certain(here, tree.size + 1):
            tree.append(leaf_hash(here.ids[tree.size + 1]))
        for fact in facts:
            head = fact.note.register
            if head.volume != here.volume:
                continue
            pinned[head.size][head.root].append(fact)
            if tree.size == head.size and tree.root != head.root:
                wrong.append(fact)
    if wrong:
        later = f", and so do {len(wrong) - 1} after it" if len(wrong) > 1 else ""
        yield Finding(
            kind="head-contradicted",
            subject=str(wrong[0].number),
            text=f"it pins a head that the notes before it do not have{later}: some of them were replaced",
            severity="broken",
            code=INTEGRITY,
            files=_files(wrong[:_NAMED]),
        )
    for size, roots in sorted(pinned.items()):
        if len(roots) > 1:
            yield Finding(
                kind="head-forked",
                subject=f"{here.issuer}/{here.volume}",
                text=f"two heads are pinned for size {size}, and only one can be true",
                severity="broken",
                code=INTEGRITY,
                files=_files(fact for group in roots.values() for fact in group),
            )


def _is_certain(here: VolumeFacts, ordinal: int) -> bool:
    """Tell whether the id of an ordinal is known, and only one is."""
    known = {fact.id for fact in here.notes.get(ordinal, ())} | here.listed.get(ordinal, set())
    return len(known) == 1


def _dates(here: VolumeFacts) -> Iterator[Finding]:
    ordered = [facts[0] for _, facts in sorted(here.notes.items())]
    for before, after in pairwise(ordered):
        if after.note.date < before.note.date:
            yield Finding(
                kind="dates-decrease",
                subject=str(after.number),
                text=f"dated before {before.number}",
                severity="broken",
                code=INTEGRITY,
                files=_files([before, after]),
            )


def _successions(volumes: Mapping[tuple[str, str], VolumeFacts]) -> Iterator[Finding]:
    """Check that each volume closes the one before it, once, at its final size."""
    by_issuer: dict[str, list[VolumeFacts]] = defaultdict(list)
    for key in sorted(volumes):
        by_issuer[key[0]].append(volumes[key])
    for issuer, own in by_issuer.items():
        previous = {here.volume: before for before, here in pairwise(own)}
        for here in own:
            for fact in here.notes.get(1, []):
                yield from _succession(issuer, here, fact, previous.get(here.volume), volumes)


def _succession(
    issuer: str,
    here: VolumeFacts,
    first: NoteFact,
    before: VolumeFacts | None,
    volumes: Mapping[tuple[str, str], VolumeFacts],
) -> Iterator[Finding]:
    head = first.note.register
    if head.volume == NO_VOLUME:
        if before is not None:
            yield _two_volumes(f"{issuer}/{here.volume} begins as if there were no {before.volume}", first)
        return
    closed = volumes.get((issuer, head.volume))
    if closed is None:
        return
    if closed.last > head.size:
        yield _two_volumes(f"{issuer}/{closed.volume} goes on to {closed.last} after it was closed", first)
    elif covered_by(closed) >= head.size:
        tree = Frontier()
        for ordinal in range(1, head.size + 1):
            tree.append(leaf_hash(closed.ids[ordinal]))
        if tree.root != head.root:
            yield Finding(
                kind="head-contradicted",
                subject=str(first.number),
                text=f"it closes {issuer}/{closed.volume} with a head that its notes do not have",
                severity="broken",
                code=INTEGRITY,
                files=_files([first]),
            )


def _two_volumes(text: str, fact: NoteFact) -> Finding:
    return Finding(
        kind="two-volumes",
        subject=str(fact.number),
        text=text,
        severity="broken",
        code=INTEGRITY,
        files=_files([fact]),
    )


def _chains(collected: Collected) -> Iterator[Finding]:
    """Follow `after` along the copies of each office: each names the one before it to the same office."""
    by_issuer: dict[str, list[NoteFact]] = defaultdict(list)
    for fact in collected.notes.values():
        by_issuer[fact.number.handle].append(fact)
    for _, facts in sorted(by_issuer.items()):
        last: dict[int, str] = {}
        for fact in sorted(facts, key=lambda one: (one.number, one.id)):
            for office, after in sorted(zip(fact.offices, fact.afters, strict=True)):
                named, before = collected.names[after], last.get(office, "")
                # what it names may not be here; what is here and not named is a broken chain
                if before and named != before and not _is_later(named, before):
                    yield Finding(
                        kind="chain-broken",
                        subject=str(fact.number),
                        text=f"the copy for {collected.names[office]} names {named or 'nothing'}"
                        f" as the one before it, and {before} was sent there",
                        severity="broken",
                        code=INTEGRITY,
                        files=_files([fact]),
                    )
                last[office] = str(fact.number)


def _is_later(named: str, before: str) -> bool:
    """Tell whether a number that is not here comes after one that is."""
    if not named:
        return False
    (_, volume, ordinal), (_, other, other_ordinal) = named.split("/"), before.split("/")
    return (volume, int(ordinal)) > (other, int(other_ordinal))


def _files(facts: Iterable[NoteFact]) -> tuple[str, ...]:
    return tuple(sorted({fact.files[0] for fact in facts if fact.files}))


def _ranges(ordinals: list[int]) -> str:
    """Write numbers as 3, 5-9, …, no more than anybody reads."""
    parts: list[str] = []
    start = end = ordinals[0]
    for ordinal in [*ordinals[1:], 0]:
        if ordinal == end + 1:
            end = ordinal
            continue
        parts.append(str(start) if start == end else f"{start}-{end}")
        start = end = ordinal
    more = f", … ({len(parts) - _NAMED} more)" if len(parts) > _NAMED else ""
    return ", ".join(parts[:_NAMED]) + more
