"""An evidence bundle: the archive, what it was checked with, and what was found, for whoever checks again.

A ZIP file of the same bytes for the same archive: entries in order, without dates, not compressed (for
compressors differ). Its names are ASCII, distinct in any case, and lead nowhere else: it is safe to unpack.

    README.txt          what this is, and the command that checks it again
    findings.json       the report, as that command prints it with --json
    roster              the signed roster with the versions that changed its root
    circulars/...       the texts of circulars, if any were given
    archive/...         envelopes, notes and statements, as they were found
    ids/....txt         the ids of each register, so far as they are known: one a line, in order
    SHA256SUMS          of all the above
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, NamedTuple

from dispatch.audit.archive import ENDINGS, ENVELOPE, STATEMENT, Archive, SafeNames, Source
from dispatch.audit.findings import NOT_PROVEN
from dispatch.errors import RefusedError, StorageError
from dispatch.formats.envelope import MAX_ENVELOPE
from dispatch.formats.statement import MAX_STATEMENT
from dispatch.system.files import new_file, open_regular
from keys.text import format_date

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dispatch.audit.circulars import Text
    from dispatch.audit.report import AuditReport

OUTSIDE = frozenset({"unreadable-file", "link-not-followed", "nothing-to-audit"})
"""Findings about the place where the archive lay: a bundle cannot hold what proves them."""

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date that a ZIP file knows
_MODE = 0o644 << 16
_UNIX = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What an audit was made with: the roster file, and the texts of circulars."""

    roster: bytes
    texts: tuple[Text, ...]


class Tools(NamedTuple):
    """What a bundle needs besides: to audit once more, where names had to change, and to write a report."""

    audit_again: Callable[[Archive, Sequence[Text]], AuditReport]
    encode: Callable[[AuditReport], bytes]


class BundledArchive(Archive):
    """A pile under the names that it has in a bundle. `is_renamed`: whether any had to change."""

    def __init__(self, pile: Archive) -> None:
        super().__init__(())
        names = SafeNames()
        sources = []
        self.is_renamed = False
        for source in pile:
            if source.link or source.error:
                continue
            ending = next((one for one in ENDINGS if source.name.casefold().endswith(one)), "")
            # what was named on the command line needs an ending to be found in a folder
            name = names.take(source.name if ending else "", ending or ENVELOPE)
            self.is_renamed |= name != source.name
            sources.append(source._replace(name=name))
        self._sources = sorted(sources, key=lambda one: one.name)

    def __iter__(self) -> Iterator[Source]:
        yield from self._sources

    def count(self) -> int:
        """Count the sources."""
        return len(self._sources)

    def empty(self) -> Iterator[str]:
        """Give no folders: a bundle has none that are empty."""
        yield from ()


def write_bundle(
    path: Path, pile: Archive, report: AuditReport, evidence: Inputs, tools: Tools, *, overwrite: bool = False
) -> None:
    """Write a bundle, whole or not at all, one file in memory at a time.

    Raises RefusedError for an archive without a file, StorageError if another file is there, OSError.
    """
    bundled = BundledArchive(pile)
    if not bundled.count():
        raise RefusedError("there is no file to put into a bundle")
    texts = _rename_texts(evidence.texts)
    is_renamed = bundled.is_renamed or texts != tuple(sorted(evidence.texts))
    inside = tools.audit_again(bundled, texts) if is_renamed else report
    inside = replace(inside, findings=tuple(one for one in inside.findings if one.kind not in OUTSIDE))
    sums = []
    with (
        new_file(path, overwrite=overwrite) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive,
    ):
        for name, data in _entries(bundled, report, inside, replace(evidence, texts=texts), tools):
            _put(archive, name, data)
            sums.append(f"{sha256(data).hexdigest()}  {name}\n")
        _put(archive, "SHA256SUMS", "".join(sums).encode("ascii"))


def _entries(
    pile: BundledArchive, seen: AuditReport, inside: AuditReport, evidence: Inputs, tools: Tools
) -> Iterator[tuple[str, bytes]]:
    """Give what the bundle holds, one file after another."""
    yield "README.txt", _readme(inside, seen, evidence.texts).encode("ascii")
    yield "findings.json", tools.encode(inside)
    yield "roster", evidence.roster
    for text in evidence.texts:
        yield f"circulars/{text.name}", text.data
    for source in pile:
        data = _read(source)
        if data is not None:
            yield f"archive/{source.name}", data
    for one in inside.registers:
        yield f"ids/{one.office}-{one.volume}.txt", "".join(f"{line}\n" for line in one.ids).encode("ascii")


def _put(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.external_attr, info.create_system = _MODE, _UNIX
    archive.writestr(info, data)


def _read(source: Source) -> bytes | None:
    """Read a file, of one that is too long so much that it still is; None for one that cannot be read."""
    limit = MAX_STATEMENT if source.name.casefold().endswith(STATEMENT) else MAX_ENVELOPE
    try:
        with open_regular(Path(source.place)) as file:
            return file.read(limit + 1)
    except (OSError, StorageError):
        return None


def _rename_texts(texts: tuple[Text, ...]) -> tuple[Text, ...]:
    names = SafeNames()
    ordered = sorted(texts)
    return tuple(text._replace(name=names.take(text.name, ".lines").replace("/", "-")) for text in ordered)


_README = """\
An archive of dispatches, what it was checked with, and what was found.

Verdict: {verdict}, with {count} findings; judged at {at}. The findings are in
findings.json. To check all of it again, unpack this file and run in its folder:

  {command}

That prints findings.json again, the same bytes. The program is a Python package
named dispatch; its docs/FORMAT.md describes the formats, so that others can be
written. Only the texts in circulars/, if there are any, can be read. The root
fingerprint in the command is what the first auditor trusted: compare it with the
keeper of the roster.

Without the program: the part of each file in archive/ before its first empty line
is a note, and what follows that line its signature, which checks with
`ssh-keygen -Y verify -n dispatch-note`. The id of a note is the SHA-256 of its
part; ids/ has the ids of each register in order.

What no audit of these files proves:

{not_proven}
"""


def _readme(inside: AuditReport, seen: AuditReport, texts: tuple[Text, ...]) -> str:
    at = format_date(inside.at)
    words = ["dispatch audit archive --roster roster --root", inside.root, "--at", at]
    words += ["--partial"] if inside.partial else []
    words += [f"--circular circulars/{text.name}" for text in texts]
    text = _README.format(
        verdict=inside.verdict,
        count=len(inside.findings),
        at=at,
        command=" ".join([*words, "--json"]),
        not_proven="\n".join(fill(f"- {one}", 82, subsequent_indent="  ") for one in NOT_PROVEN),
    )
    outside = [one for one in seen.findings if one.kind in OUTSIDE]
    if outside:
        # names are foreign text, and this is read on a terminal
        lines = [f"- {one.kind}: {json.dumps(one.subject)}: {json.dumps(one.text)}\n" for one in outside]
        text += "\nSeen where the archive lay, and not to be seen here:\n\n" + "".join(lines)
    return text
