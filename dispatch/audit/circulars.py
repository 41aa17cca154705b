"""Circulars whose text the auditor is given, each matched with its note. Pure.

Such a text is the plaintext of a circular, two lines of JSON: the message, and its secrets with the slot key.
"""

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
    from keys.roster import Roster


class Text(NamedTuple):
    """The text of a circular. `name`: what findings call it; `data`: the two lines."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCircular:
    """A circular whose text and note agree.

    `addressees`: the handles of those who were asked, without the issuer; `info`: of those who got it for
    information; `owing`: who owes each obligation, by its id.
    """

    facts: NoteFacts
    message: Circular
    slot_key: bytes
    addressees: tuple[str, ...]
    info: tuple[str, ...]
    owing: Mapping[str, tuple[str, ...]]


class _Parsed(NamedTuple):
    """What a text says. `line`: its first line, to which a note commits."""

    line: bytes
    message: Circular
    slot_key: bytes


def know_circulars(
    texts: Iterable[Text], collected: Collected, roster: Roster
) -> tuple[list[KnownCircular], list[Finding]]:
    """Parse each text and find the note that commits to it; a text that does not agree gives a finding."""
    notes: dict[bytes, list[NoteFacts]] = defaultdict(list)
    for facts in collected.notes.values():
        notes[facts.note.content].append(facts)
    known: dict[bytes, KnownCircular] = {}
    findings = []
    for text in sorted(texts):
        circular = _know(text, notes, collected.offices, roster)
        if isinstance(circular, Finding):
            findings.append(circular)
        else:
            known[circular.facts.id] = circular
    return sorted(known.values(), key=lambda one: (one.facts.number, one.facts.id)), findings


def _know(
    text: Text, notes: Mapping[bytes, list[NoteFacts]], offices: Interned, roster: Roster
) -> KnownCircular | Finding:
    """Parse a text and find its note, or say what is wrong with it. `notes`: by the content digest."""
    parsed = _parse(text)
    if isinstance(parsed, Finding):
        return parsed
    message = parsed.message
    found = notes.get(content_digest(parsed.line))
    if not found:
        said = f"no note here commits to this text, which says that it is {message.number}"
        return _wrong("circular-not-found", text, said, FINDINGS, severity="missing")
    facts = min(found, key=lambda one: (str(one.number) != message.number, one.number, one.id))
    return _agree(text, parsed, facts, offices, roster)


def _parse(text: Text) -> _Parsed | Finding:
    """Parse both lines of a text, or say what is wrong with them."""
    try:
        line, secrets_line = parse_plaintext(text.data)
        message = parse_message(line)
        if encode_base64(sha256(secrets_line).digest()) != message.secrets:
            said = "its second line is not that of its first"
            return _wrong("circular-secrets-differ", text, said, INTEGRITY)
        secrets = parse_secrets(secrets_line, message, len(line))
    except (DispatchError, KeysError) as error:
        return _wrong("circular-malformed", text, str(error), exit_code(error))
    if not isinstance(message, Circular) or secrets.slot_key is None:
        return _wrong("circular-malformed", text, f"a {message.kind}, not a circular", REFUSED)
    return _Parsed(line, message, decode_base64(secrets.slot_key))


def _agree(
    text: Text, parsed: _Parsed, facts: NoteFacts, offices: Interned, roster: Roster
) -> KnownCircular | Finding:
    """Compare a text with its note: the number and date, the issuer's right, and who got a copy."""
    message, note = parsed.message, facts.note
    try:
        check_said(message, note)
    except StatementError:
        said = f"it says {message.number} of {message.date}, and {note.number} commits to it"
        return _wrong("circular-contradicts-note", text, said, INTEGRITY)
    try:
        check_right(message, note, roster)
    except RefusedError as error:
        return _wrong("circular-without-right", text, str(error), REFUSED)
    try:
        copies = copies_of(message, note, roster)
        owing = {one.id: members(one.by, roster, note.roster.version) for one in message.obligations}
    except (StatementError, RefusedError) as error:
        return _wrong("circular-addressees-differ", text, str(error), INTEGRITY)
    if strangers := {offices.names[office] for office in facts.offices} - set(copies.copies):
        said = f"{note.number} has copies for {', '.join(sorted(strangers))}, whom its text does not name"
        return _wrong("circular-addressees-differ", text, said, INTEGRITY)
    return KnownCircular(
        facts=facts,
        message=message,
        slot_key=parsed.slot_key,
        addressees=tuple(handle for handle in copies.to if handle != note.number.handle),
        info=copies.info,
        owing=owing,
    )


def _wrong(kind: str, text: Text, said: str, code: int, *, severity: Severity = "broken") -> Finding:
    return Finding(kind=kind, subject=text.name, text=said, severity=severity, code=code, files=(text.name,))
