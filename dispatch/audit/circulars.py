"""Circulars whose text the auditor is given: two lines each, matched with their notes. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from dispatch.audit.findings import Finding, Severity
from dispatch.checks.addressees import members
from dispatch.checks.opening import check_right, check_said, copies_of
from dispatch.errors import (
    FINDINGS,
    INTEGRITY,
    REFUSED,
    DispatchError,
    RefusedError,
    StatementError,
    exit_code,
)
from dispatch.formats.message import Circular, content_digest, parse_message
from dispatch.formats.plaintext import parse_plaintext, parse_secrets
from keys.codec import decode_base64, encode_base64
from keys.errors import KeysError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dispatch.audit.collect import Collected, Interned, NoteFacts
    from dispatch.checks.addressees import Addressees
    from keys.roster import Roster


class Text(NamedTuple):
    """A file given with --circular, under the name by which findings call it."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCircular:
    """A circular whose text and note agree."""

    facts: NoteFacts
    message: Circular
    slot_key: bytes
    addressees: tuple[str, ...]
    info: tuple[str, ...]
    owing: Mapping[str, tuple[str, ...]]


class _WrongError(Exception):
    """A text that cannot be judged. `finding`: why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.text)
        self.finding = finding


def know_circulars(
    texts: Iterable[Text], collected: Collected, roster: Roster
) -> tuple[list[KnownCircular], list[Finding]]:
    """Parse each text and find the note that commits to it; what does not agree is a finding."""
    notes: dict[bytes, list[NoteFacts]] = defaultdict(list)
    for facts in collected.notes.values():
        notes[facts.note.content].append(facts)
    known: dict[bytes, KnownCircular] = {}
    findings = []
    for text in sorted(texts):
        try:
            circular = _know(text, notes, collected.offices, roster)
            known[circular.facts.id] = circular
        except _WrongError as error:
            findings.append(error.finding)
    return sorted(known.values(), key=lambda one: (one.facts.number, one.facts.id)), findings


def _know(
    text: Text, notes: Mapping[bytes, list[NoteFacts]], offices: Interned, roster: Roster
) -> KnownCircular:
    """Parse a text and find its note. Raises _WrongError."""
    line, message, slot_key = _parse(text)
    said = f"no note here commits to this text, which says that it is {message.number}"
    found = notes.get(content_digest(line))
    if not found:
        raise _wrong("circular-not-found", text, said, FINDINGS, severity="missing")
    facts = min(found, key=lambda one: (str(one.number) != message.number, one.number, one.id))
    copies, owing = _agree(text, message, facts, offices, roster)
    return KnownCircular(
        facts=facts,
        message=message,
        slot_key=slot_key,
        addressees=tuple(handle for handle in copies.to if handle != facts.number.handle),
        info=copies.info,
        owing=owing,
    )


def _parse(text: Text) -> tuple[bytes, Circular, bytes]:
    """Give the first line, what it says, and the slot key. Raises _WrongError."""
    try:
        line, secrets_line = parse_plaintext(text.data)
        message = parse_message(line)
        if encode_base64(sha256(secrets_line).digest()) != message.secrets:
            said = "its second line is not that of its first"
            raise _wrong("circular-secrets-differ", text, said, INTEGRITY)
        secrets = parse_secrets(secrets_line, message, len(line))
    except (DispatchError, KeysError) as error:
        raise _wrong("circular-malformed", text, str(error), exit_code(error)) from None
    if not isinstance(message, Circular) or secrets.slot_key is None:
        raise _wrong("circular-malformed", text, f"a {message.kind}, not a circular", REFUSED)
    return line, message, decode_base64(secrets.slot_key)


def _agree(
    text: Text, message: Circular, facts: NoteFacts, offices: Interned, roster: Roster
) -> tuple[Addressees, dict[str, tuple[str, ...]]]:
    """Compare a text with its note; give who gets it and who owes what. Raises _WrongError."""
    note = facts.note
    try:
        check_said(message, note)
    except StatementError:
        said = f"it says {message.number} of {message.date}, and {note.number} commits to it"
        raise _wrong("circular-contradicts-note", text, said, INTEGRITY) from None
    try:
        check_right(message, note, roster)
    except RefusedError as error:
        raise _wrong("circular-without-right", text, str(error), REFUSED) from None
    try:
        copies = copies_of(message, note, roster)
        owing = {one.id: members(one.by, roster, note.roster.version) for one in message.obligations}
    except (StatementError, RefusedError) as error:
        raise _wrong("circular-addressees-differ", text, str(error), INTEGRITY) from None
    if strangers := {offices.names[office] for office in facts.offices} - set(copies.copies):
        said = f"{note.number} has copies for {', '.join(sorted(strangers))}, whom its text does not name"
        raise _wrong("circular-addressees-differ", text, said, INTEGRITY)
    return copies, owing


def _wrong(kind: str, text: Text, said: str, code: int, *, severity: Severity = "broken") -> _WrongError:
    return _WrongError(
        Finding(kind=kind, subject=text.name, text=said, severity=severity, code=code, files=(text.name,))
    )
