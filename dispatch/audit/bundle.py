"""All of an audit in one archive: whoever unpacks it in ten years runs the same audit again.

The same pile gives the same bytes: names are sorted, times are fixed, nothing is compressed. Names are
ASCII, relative, without `..`, and differ by more than case.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from dispatch.audit.collect import find_sources
from dispatch.envelope import MAX_ENVELOPE
from dispatch.errors import DispatchError
from dispatch.files import read_capped
from dispatch.statement import MAX_STATEMENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_TIME = (1980, 1, 1, 0, 0, 0)

_README = """\
An audit of dispatches, with everything that it rests on.

    files/          the envelopes, notes and register statements, as they were given
    circulars/      message and secrets lines of circulars, if the auditor had them
    roster          the signed roster
    findings.json   what the audit found

To run it again, with dispatch:

    dispatch audit files --roster roster \\
        --root {root} \\
        --at {at}{partial}{circulars} --json

It prints findings.json. Without dispatch: a note is signed with OpenSSH (`ssh-keygen -Y verify`, namespace
dispatch-note); docs/FORMAT.md of the project says what every line means.

The root fingerprint above is what the auditor was told. Ask the keeper of the roster for it yourself.
"""


def write_bundle(
    target: BinaryIO,
    paths: Iterable[Path],
    roster: bytes,
    circulars: Sequence[tuple[str, bytes]],
    findings: bytes,
    *,
    root: str,
    at: str,
    partial: bool,
) -> None:
    """Pack a pile and its findings, one file in memory at a time.

    What cannot be read is left out: the findings say so.
    """
    sources, _ = find_sources(paths)
    given = [(f"circulars/{index:04}.circular", data) for index, (_, data) in enumerate(sorted(circulars), 1)]
    options = "".join(f" --circular {name}" for name, _ in given)
    readme = _README.format(
        root=root,
        at=at,
        partial=" --partial" if partial else "",
        circulars=options,
    )
    first = [("README.txt", readme.encode()), *given, ("findings.json", findings), ("roster", roster)]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, data in first:
            _add(archive, name, data)
        for source in sources:
            try:
                data = read_capped(Path(source.path), max(MAX_ENVELOPE, MAX_STATEMENT))
            except (DispatchError, OSError):
                continue
            _add(archive, f"files/{source.name}", data)


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, _TIME)
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, data)
