"""The chains: every copy names the dispatch that the same office got before it. Pure.

One pass goes over the notes of each issuer in order, and remembers the last dispatch to each office.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from dispatch.audit.findings import Finding
from dispatch.errors import INTEGRITY
from dispatch.formats.note import Number, parse_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dispatch.audit.collect import Collected, NoteFacts


class Break(NamedTuple):
    """A copy that names a wrong previous dispatch.

    `number`: of its note; `office`: its addressee; `text`: what is wrong; `place`: that of its file in the
    archive.
    """

    number: Number
    office: str
    text: str
    place: int


def broken_chains(collected: Collected) -> list[Break]:
    """Find copies whose `after` passes over a dispatch that is here, or names one that never went there."""
    befores = [parse_number(text) if text else None for text in collected.befores.names]
    facts = sorted(collected.notes.values(), key=lambda one: (one.number, one.id))
    by_number = {one.number: one for one in facts}
    found = []
    for _, notes in groupby(facts, key=lambda one: one.number.handle):
        last: dict[int, Number] = {}
        for number, twins in groupby(notes, key=lambda one: one.number):
            # of several notes with one number none comes before another
            same_number = list(twins)
            for one in same_number:
                for office, after, place in zip(one.offices, one.afters, one.places, strict=True):
                    named = befores[after]
                    known = last.get(office)
                    if named == known:
                        continue
                    text = _fault(named, known, collected.offices.names[office], office, by_number)
                    if text:
                        found.append(Break(number, collected.offices.names[office], text, place))
            last.update((office, number) for one in same_number for office in one.offices)
    return sorted(found)


def _fault(
    named: Number | None, known: Number | None, handle: str, office: int, notes: Mapping[Number, NoteFacts]
) -> str:
    """Say what is wrong with a copy for `handle`; empty if nothing is.

    `named`: the dispatch that it names as the one before; `known`: the last one here; None for none. A named
    dispatch that is not here may well have been sent.
    """
    if known is not None and (named is None or named < known):
        return f"it names {named or 'none'} as the dispatch before it to {handle}, and passes over {known}"
    before = notes.get(named) if named is not None else None
    if before is not None and before.is_whole and office not in before.offices:
        return f"it names {named} as the dispatch before it to {handle}, which got no copy of that"
    return ""


def check_chains(breaks: list[Break], names: Mapping[int, str]) -> Iterator[Finding]:
    """Give a finding for each break. `names`: of files, by their places in the archive."""
    for one in breaks:
        yield Finding(
            kind="after-broken",
            subject=f"{one.number} to {one.office}",
            text=one.text,
            code=INTEGRITY,
            files=(names[one.place],) if one.place in names else (),
        )
