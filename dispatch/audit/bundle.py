"""An evidence bundle: an archive, what it was checked with, and what was found, for whoever checks it again.

A bundle is a ZIP file. The same archive always gives the same bytes: the entries are in order, without dates,
and not compressed, because compressors differ. The names in it are ASCII, differ in more than their case, and
lead to no other place: it is safe to unpack.

    README.txt          what this is, and the command that checks it again
    findings.json       the report, as that command prints it with --json
    roster              the signed roster with the versions that changed its root
    circulars/...       the texts of circulars, if any were given
    archive/...         envelopes, notes and signed lists of registers, as they were found
    ids/....txt         the ids of each register as far as they are known: one a line, in order
    SHA256SUMS          the digests of all the above
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from dispatch.audit.archive import ENDINGS, ENVELOPE, STATEMENT, Archive, SafeNames, Source, no_progress
from dispatch.audit.auditing import run_audit
from dispatch.audit.findings import NOT_PROVEN
from dispatch.audit.report import report_bytes
from dispatch.errors import RefusedError, StorageError
from dispatch.formats.envelope import MAX_ENVELOPE
from dispatch.formats.statement import MAX_STATEMENT
from dispatch.system.files import new_file, open_regular
from keys.text import format_date
from keys.trust import parse_roster_file, trust_pinned

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dispatch.audit.archive import Progress
    from dispatch.audit.circulars import Text
    from dispatch.audit.findings import Finding
    from dispatch.audit.report import AuditReport

OUTSIDE = frozenset({"unreadable-file", "link-not-followed", "nothing-to-audit"})
"""Kinds of finding about the place where the archive lay: a bundle cannot hold what proves them."""

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date that a ZIP file can hold
_MODE = 0o644 << 16
_UNIX = 3


class BundledArchive(Archive):
    """The readable files of an archive, under the names that they have in a bundle.

    `is_renamed`: whether any file has another name there than in the archive.
    """

    def __init__(self, archive: Archive) -> None:
        super().__init__(())
        names = SafeNames()
        sources = []
        self.is_renamed = False
        for source in archive:
            if source.link or source.error:
                continue
            ending = next((one for one in ENDINGS if source.name.casefold().endswith(one)), "")
            # a file named on the command line may have any name; in a folder it is found by its ending
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
        """Give no folders: a bundle holds none that are empty."""
        yield from ()


def write_bundle(
    path: Path,
    archive: Archive,
    report: AuditReport,
    *,
    roster: bytes,
    circulars: Iterable[Text] = (),
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> None:
    """Write a bundle, whole or not at all, with one file of the archive in memory at a time.

    `report`: what the audit of `archive` came to, with the roster file `roster` and the texts `circulars`.
    Where a file or text needs another name in the bundle, the bundle is audited under its own names, and
    `progress` is called meanwhile.

    Raises RefusedError for an archive without a file, StorageError if another file is at `path`, OSError.
    """
    bundled = BundledArchive(archive)
    if not bundled.count():
        raise RefusedError("there is no file to put into a bundle")
    given = sorted(circulars)
    texts = _rename_texts(given)
    inside = report
    if bundled.is_renamed or texts != given:
        inside = run_audit(
            bundled,
            trust_pinned(parse_roster_file(roster), report.root),
            at=report.at,
            root=report.root,
            partial=report.partial,
            circulars=texts,
            progress=progress,
        )
    inside = replace(inside, findings=tuple(one for one in inside.findings if one.kind not in OUTSIDE))
    outside = [one for one in report.findings if one.kind in OUTSIDE]
    readme = _readme(inside, outside, texts)
    sums = []
    with new_file(path, overwrite=overwrite) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as pack:
        for name, data in _entries(readme, inside, roster, texts, bundled):
            _put(pack, name, data)
            sums.append(f"{sha256(data).hexdigest()}  {name}\n")
        _put(pack, "SHA256SUMS", "".join(sums).encode("ascii"))


def _entries(
    readme: str, report: AuditReport, roster: bytes, texts: list[Text], archive: BundledArchive
) -> Iterator[tuple[str, bytes]]:
    """Give the name and the bytes of each entry but the last, in order."""
    yield "README.txt", readme.encode("ascii")
    yield "findings.json", report_bytes(report)
    yield "roster", roster
    for text in texts:
        yield f"circulars/{text.name}", text.data
    for source in archive:
        data = _read(source)
        if data is not None:
            yield f"archive/{source.name}", data
    for one in report.registers:
        yield f"ids/{one.office}-{one.volume}.txt", "".join(f"{line}\n" for line in one.ids).encode("ascii")


def _put(pack: zipfile.ZipFile, name: str, data: bytes) -> None:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.external_attr, info.create_system = _MODE, _UNIX
    pack.writestr(info, data)


def _read(source: Source) -> bytes | None:
    """Read a file; None if it cannot be read. Of one that is too long, read one byte more than is allowed."""
    limit = MAX_STATEMENT if source.name.casefold().endswith(STATEMENT) else MAX_ENVELOPE
    try:
        with open_regular(Path(source.place)) as file:
            return file.read(limit + 1)
    except (OSError, StorageError):
        return None


def _rename_texts(texts: Iterable[Text]) -> list[Text]:
    """Give each text a name for the folder `circulars`."""
    names = SafeNames()
    return [text._replace(name=names.take(text.name, ".lines").replace("/", "-")) for text in texts]


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


def _readme(report: AuditReport, outside: list[Finding], texts: list[Text]) -> str:
    """Write README.txt. `outside`: findings that the bundle cannot show."""
    at = format_date(report.at)
    words = ["dispatch audit archive --roster roster --root", report.root, "--at", at]
    words += ["--partial"] if report.partial else []
    words += [f"--circular circulars/{text.name}" for text in texts]
    text = _README.format(
        verdict=report.verdict,
        count=len(report.findings),
        at=at,
        command=" ".join([*words, "--json"]),
        not_proven="\n".join(fill(f"- {one}", 82, subsequent_indent="  ") for one in NOT_PROVEN),
    )
    if outside:
        # JSON escapes the foreign names, which are read on a terminal
        lines = [f"- {one.kind}: {json.dumps(one.subject)}: {json.dumps(one.text)}\n" for one in outside]
        text += "\nSeen where the archive lay, and not to be seen here:\n\n" + "".join(lines)
    return text
