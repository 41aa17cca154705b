"""What is fuzzed: each target takes any bytes, and returns unless something is wrong.

Right is: a value that encodes to the very bytes it was read from, or one of our own errors. Where an
implementation of the same that is not ours is at hand (`tests.independent`, the standard library), both must
accept the same inputs; where a signature is checked, nothing may pass but what was signed.

Checksums, digests and signatures stop what is fuzzed blindly, so several targets put the right ones in.
"""

from __future__ import annotations

import json
import tempfile
import tomllib
import unicodedata
from contextlib import suppress
from functools import cache, partial
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from unittest.mock import patch

from msgspec import Struct, convert, to_builtins
from msgspec.structs import replace

from dispatch.audit.archive import Archive
from dispatch.audit.auditing import run_audit
from dispatch.audit.circulars import Text
from dispatch.audit.findings import KINDS
from dispatch.audit.report import report_bytes
from dispatch.audit.verdicts import verify_file
from dispatch.checks.opening import open_envelope
from dispatch.checks.values import check_values
from dispatch.checks.verifier import VerifiedEnvelope, VerifiedNote, Verifier
from dispatch.drafts import Draft, ReportDraft, parse_draft, read_draft
from dispatch.drafts.csvtable import read_table
from dispatch.drafts.form import report_template
from dispatch.drafts.tomlindex import TomlIndex
from dispatch.drafts.values import read_values
from dispatch.errors import DispatchError, DraftError, NotReadyError, Problem, ProofError
from dispatch.formats.envelope import (
    NOTE_NAMESPACE,
    Copy,
    encode_copy,
    encode_envelope,
    parse_envelope,
    parse_signed_note,
)
from dispatch.formats.grammar import (
    check_addressees,
    check_attachment_name,
    check_calendar_date,
    check_decimal,
    check_duration,
    check_period,
    check_zone,
)
from dispatch.formats.merkle import leaf_hash, node_hash, verify_inclusion
from dispatch.formats.message import Circular, Report, content_digest, encode_message, parse_message
from dispatch.formats.note import (
    MAX_DECIMAL,
    Copies,
    Number,
    encode_note,
    parse_note,
    parse_number,
    parse_volume,
)
from dispatch.formats.obligation import Form, Value
from dispatch.formats.plaintext import Secrets, encode_secrets, parse_plaintext, parse_secrets
from dispatch.formats.statement import encode_statement, parse_statement
from dispatch.render.audit import audit_html, report_text
from dispatch.render.message import message_text
from dispatch.render.terminal import clean
from dispatch.store.attachments import clean_name
from keys import age
from keys.age.header import encode_header, encode_signed, parse_header
from keys.age.kdf import header_mac
from keys.canonical import decode_canonical, encode_canonical
from keys.card import encode_card, parse_card, verify_card
from keys.codec import (
    decode_base64,
    decode_base64_raw,
    decode_bech32,
    decode_decimal,
    encode_base64,
    encode_base64_raw,
    encode_bech32,
)
from keys.errors import KeysError
from keys.keyfile import encode_secret_keys, parse_secret_keys
from keys.lines import check_sealing, check_signing, encode_sealing, parse_sealing, parse_signing
from keys.opensshkey import encode_armor, parse_container
from keys.roster import decode_roster, encode_roster, next_version
from keys.signed import SignedText, parse_signed, sign_text, split_signed
from keys.signed import encode_signed as encode_signed_text
from keys.signing import encode_private, parse_private_commented, parse_public
from keys.sshsig import encode as encode_signature
from keys.sshsig import parse as parse_signature
from keys.text import check_block, check_line, format_date, parse_date, parse_handle
from keys.trust import (
    NAMESPACE as ROSTER_NAMESPACE,
)
from keys.trust import (
    SignedRoster,
    encode_roster_file,
    fingerprints,
    parse_roster_file,
    trust_pinned,
    trust_update,
)
from tests.forge.dispatches import DAY, FILE_KEY, NOW, make_note, roster_ref
from tests.forge.roster import sign
from tests.fuzz import samples
from tests.independent.envelope import read_envelope, read_note
from tests.independent.message import SECRETS, is_message, padme
from tests.independent.roster import CARD, ROSTER, check_roster, check_step
from tests.independent.text import read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from keys.age.header import Stanza

    Target = Callable[[bytes], None]

OURS = (KeysError, DispatchError)
MAX_LENGTH = 16 * 1024

TARGETS: dict[str, Target] = {}


def target(function: Target) -> Target:
    TARGETS[function.__name__] = function
    return function


def run(name: str, data: bytes) -> None:
    """Feed one input to a target. Raises whatever is not one of our own errors."""
    with suppress(*OURS):
        TARGETS[name](data)


def attempt(parse: Callable[..., Any], *arguments: Any) -> Any:
    """Call a parser; None for one of our own errors."""
    try:
        return parse(*arguments)
    except OURS:
        return None


def accepts(check: Callable[..., Any], *arguments: Any) -> bool:
    """Whether a check passes, or one of the second implementation, which may stumble in any way."""
    try:
        check(*arguments)
    except Exception:  # noqa: BLE001 - see above
        return False
    return True


def text_of(data: bytes) -> str:
    """Take bytes for text; what is no UTF-8 becomes surrogates, as from a hostile caller."""
    return data.decode("utf-8", "surrogateescape")


# age


class Known:
    """An identity that opens every file whose MAC holds under the key of the samples."""

    kind: ClassVar[str] = "X25519"

    def unwrap(self, stanzas: Iterable[Stanza]) -> bytes | None:
        return FILE_KEY if tuple(stanzas) else None


IDENTITIES = (samples.HYBRID_IDENTITY, samples.CENTRE_IDENTITY)


@target
def age_header(data: bytes) -> None:
    header, payload = parse_header(data)
    assert encode_signed(header.stanzas) == header.signed
    assert encode_header(header.signed, header.mac) + bytes(payload) == data


@target
def age_armor(data: bytes) -> None:
    general = attempt(age.decode_armor, data)
    assert attempt(_read_armor, data) == general
    exact = attempt(age.decode_armor_canonical, data)
    if exact is not None:
        assert age.encode_armor(exact) == data
        assert general == exact


def _read_armor(data: bytes) -> bytes:
    reader = age.ArmorReader(BytesIO(data))
    return b"".join(iter(lambda: reader.read(1 + len(data) % 97), b""))


@target
def age_decrypt(data: bytes) -> None:
    _decrypt_both(data, IDENTITIES)


@target
def age_decrypt_authentic(data: bytes) -> None:
    """The MAC is put right, so that all of a header and its payload is reached."""
    mark = data.find(b"\n---")
    end = data.find(b"\n", mark + 1)
    if min(mark, end) < 0:
        return
    signed = data[: mark + 4]
    header = encode_header(signed, header_mac(FILE_KEY, signed))
    _decrypt_both(header + data[end + 1 :], (Known(),))


def _decrypt_both(data: bytes, identities: tuple[age.Identity, ...]) -> None:
    whole = attempt(age.decrypt, data, identities)
    assert attempt(_decrypt_stream, data, identities) == whole
    assert whole is None or len(whole) <= len(data)


def _decrypt_stream(data: bytes, identities: tuple[age.Identity, ...]) -> bytes:
    sink = BytesIO()
    age.decrypt_stream(BytesIO(data), sink, identities)
    return sink.getvalue()


# Encodings


def _bech32_checksum(text: str) -> str:
    """BIP 173's own reference: the checksum for a text without one."""
    alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    hrp, _, body = text.rpartition("1")
    values = [ord(c) >> 5 for c in hrp] + [0] + [ord(c) & 31 for c in hrp]
    checksum = 1
    for value in values + [alphabet.find(c) & 31 for c in body] + [0] * 6:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for bit, part in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            checksum ^= part if top >> bit & 1 else 0
    return "".join(alphabet[(checksum ^ 1) >> 5 * (5 - index) & 31] for index in range(6))


@target
def bech32(data: bytes) -> None:
    text = text_of(data)
    spellings = [text]
    if text.isascii():
        lower = text.lower() + _bech32_checksum(text.lower())
        spellings += [lower, lower.upper()]
    for spelling in spellings:
        decoded = attempt(decode_bech32, spelling)
        if decoded is None:
            continue
        encoded = encode_bech32(*decoded)
        assert spelling in (encoded, encoded.upper())
        recipient = attempt(age.parse_recipient, spelling)
        assert recipient is None or str(recipient) == spelling
        identity = attempt(age.parse_identity, spelling)
        assert identity is None or identity.secret_text() == spelling
    attempt(age.parse_identities, text)


@target
def base64(data: bytes) -> None:
    decoded = attempt(decode_base64, data)
    assert decoded is None or encode_base64(decoded).encode() == data
    text = text_of(data)
    assert attempt(decode_base64, text) == decoded
    raw = attempt(decode_base64_raw, text)
    assert raw is None or encode_base64_raw(raw) == text


@target
def decimal(data: bytes) -> None:
    text = text_of(data)
    for maximum in (20, MAX_DECIMAL, 2**63):
        value = attempt(decode_decimal, text, maximum)
        assert value is None or (str(value) == text and 0 <= value <= maximum)


class Anything(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    number: int
    text: str
    truth: bool | None
    items: tuple[int | str | bool | None, ...]
    members: dict[str, int | str | tuple[dict[str, int | str], ...]]
    inner: tuple[Anything, ...]


@target
def canonical_json(data: bytes) -> None:
    value = decode_canonical(data, Anything)
    assert encode_canonical(value) == data
    assert samples.line(json.loads(data)) == data


# OpenSSH


@target
def ssh_public(data: bytes) -> None:
    text = text_of(data)
    key = attempt(parse_public, text)
    if key is not None:
        assert text.removesuffix("\n").split(" ")[:2] == key.line().split(" ")
    signing = attempt(parse_signing, text)
    assert signing is None or signing.line() == text
    assert (attempt(check_signing, text) is None) == (signing is None)
    sealing = attempt(parse_sealing, text)
    assert sealing is None or encode_sealing(sealing) == text
    assert (attempt(check_sealing, text) is None) == (sealing is None)


@target
def ssh_private(data: bytes) -> None:
    with patch("keys.opensshkey._derive", _derive_cheaply):
        for file in (data, encode_armor("OPENSSH PRIVATE KEY", data)):
            container = attempt(parse_container, file)
            if container is None:
                continue
            opened = attempt(parse_private_commented, file, "passphrase")
            if opened is None or container.protected:
                continue
            key, comment = opened
            assert encode_private(key, comment, random=partial(_first, container.sealed)) == file


def _first(data: bytes, size: int) -> bytes:
    return data[:size]


def _derive_cheaply(cipher: bytes, passphrase: str, salt: bytes, rounds: int) -> tuple[bytes, bytes]:
    assert (bool(passphrase), len(salt), 1 <= rounds <= 1024) == (True, 16, True)
    return bytes(32), bytes(12 if b"gcm" in cipher else 16)


@target
def ssh_signature(data: bytes) -> None:
    for file in (data, encode_armor("SSH SIGNATURE", data)):
        signature = attempt(parse_signature, file)
        assert signature is None or encode_signature(signature) == file


@target
def signed_text(data: bytes) -> None:
    split = attempt(lambda: split_signed(data, max_text=4096))
    if split is not None:
        signed, rest = split
        assert encode_signed_text(signed) + (b"\n" + rest if rest else b"") == data
    parsed = attempt(lambda: parse_signed(data, max_text=4096))
    assert (parsed is not None) == (split is not None and not split[1])


# Cards and rosters

CARD_TEXTS = frozenset(parse_card(data).signed.text for data in samples.CARD_FILES.values())
SIGNATURE = parse_card(samples.CARD_FILES["cc"]).signed.signatures


@target
def card(data: bytes) -> None:
    parsed = parse_card(data)
    assert encode_signed_text(parsed.signed) == data
    verified = attempt(verify_card, data)
    assert verified is None or parsed.signed.text in CARD_TEXTS


@target
def card_text(data: bytes) -> None:
    """The text alone, under a signature that cannot hold for it: the grammar and the rules."""
    signed = attempt(lambda: SignedText(text=data, signatures=SIGNATURE))
    if signed is None:
        return
    parsed = attempt(parse_card, encode_signed_text(signed))
    assert (parsed is not None) == accepts(_read_card_text, data)
    if parsed is not None:
        assert encode_card(parsed.card) == data
        parsed.card.fingerprints()
        assert attempt(verify_card, encode_signed_text(signed)) is None or data in CARD_TEXTS


def _read_card_text(data: bytes) -> None:
    """Section 4, but for its signatures and whether a sealing key is usable."""
    found = read_json(data, CARD)
    for name, classical in (("signing", "ssh-ed25519"), ("sealing", "X25519")):
        keys = found[name]
        assert len(set(keys)) == len(keys)
        assert all((key.split(" ")[0] == classical) == found["classical"] for key in keys)


@target
def roster(data: bytes) -> None:
    """The text alone: the grammar and the rules, and every question that can be asked of it."""
    found = attempt(decode_roster, data)
    assert (found is not None) == accepts(_read_roster, data)
    if found is None:
        return
    assert encode_roster(found) == data
    for version in {0, 1, found.version, found.version + 1}:
        attempt(found.version_record, version)
        for office in found.offices:
            for question in (office.title, office.rights, office.threshold, office.is_classical):
                attempt(question, version)
            attempt(office.signing_keys, version)
            attempt(office.sealing_key, version)
        for group in found.groups:
            group.members(version)
    later = attempt(lambda: next_version(found, date=NOW, expires=NOW + 9999 * DAY))
    if attempt(encode_roster, later) is not None:
        check_step(json.loads(data), json.loads(encode_roster(later)))


def _read_roster(data: bytes) -> None:
    check_roster(read_json(data, ROSTER))


@target
def roster_update(data: bytes) -> None:
    """The text of a next version, well signed: what extends the trusted one and what does not."""
    found = decode_roster(data)
    keys = (samples.ROOT, samples.ROOT_2)
    signatures = tuple(sign_text(data, key, ROSTER_NAMESPACE) for key in keys)
    one = SignedRoster(roster=found, signed=SignedText(text=data, signatures=signatures))
    for trusted, keys_of in ((samples.TRUSTED_2, 1), (samples.TRUSTED, 2)):
        signed = SignedText(text=data, signatures=signatures[:keys_of])
        for each in (one, SignedRoster(roster=found, signed=signed)):
            newer = attempt(trust_update, trusted, (*trusted.chain, each))
            if newer is None or newer is trusted:
                continue
            assert newer.roster.version > trusted.roster.version
            check_step(json.loads(encode_roster(trusted.roster)), json.loads(data))
            assert trust_pinned(newer.chain, samples.PIN).roster == found


@target
def roster_file(data: bytes) -> None:
    chain = parse_roster_file(data)
    assert encode_roster_file(chain) == data
    for pin in fingerprints(chain):
        trusted = attempt(trust_pinned, chain, pin)
        if trusted is not None and pin == samples.PIN:
            assert trusted.roster in samples.ROSTERS
    newer = attempt(trust_update, samples.TRUSTED_2, chain)
    assert newer is None or newer.roster in samples.ROSTERS[1:]


@target
def key_file(data: bytes) -> None:
    found = parse_secret_keys(data)
    again = parse_secret_keys(encode_secret_keys(found))
    assert again == found
    assert [key.seed for key in again.signing_keys] == [key.seed for key in found.signing_keys]


# Notes and envelopes

GOOD = tuple(parse_envelope(data) for files in (samples.ENVELOPES, samples.BY_TWO) for data in files.values())
NOTE_TEXTS = frozenset(one.signed_note.signed.text for one in GOOD)
PLACES = frozenset((one.signed_note.signed.text, one.copy, one.body) for one in GOOD)


@target
def note(data: bytes) -> None:
    found = attempt(parse_note, data)
    assert found is None or encode_note(found) == data
    assert (found is not None) == accepts(read_note, data)


@target
def bare_note(data: bytes) -> None:
    signed_note = attempt(parse_signed_note, data)
    assert (signed_note is not None) == accepts(lambda: read_envelope(data, bare=True))
    if signed_note is None:
        return
    assert encode_signed_text(signed_note.signed) == data
    verified = attempt(Verifier(samples.TRUSTED).verify_note, signed_note)
    assert verified is None or signed_note.signed.text in NOTE_TEXTS


@target
def note_text(data: bytes) -> None:
    """The text alone, well signed by the office that it names: what is judged as of its roster."""
    if b"\n\n" in data or not data.endswith(b"\n"):
        return
    parse_note(data)
    signers = (samples.BRANCH, samples.BRANCH_2) if b"number: penza/" in data else (samples.CENTRE,)
    signed = sign(data, signers, NOTE_NAMESPACE)
    verified = Verifier(samples.TRUSTED).verify_note(parse_signed_note(encode_signed_text(signed)))
    roster = samples.TRUSTED.roster
    ref = verified.note.roster
    assert roster.version_record(ref.version).digest == ref.digest
    assert verified.note.date < roster.version_record(ref.version).expires


@target
def envelope(data: bytes) -> None:
    found = attempt(parse_envelope, data)
    assert (found is not None) == accepts(read_envelope, data)
    if found is None:
        return
    assert encode_envelope(found.signed_note.signed, found.copy, found.body) == data
    verified = attempt(Verifier(samples.TRUSTED).verify, found)
    assert verified is None or (found.signed_note.signed.text, found.copy, found.body) in PLACES


@target
def copy(data: bytes) -> None:
    """The lines of a copy, in an envelope that is good but for them."""
    head, _, rest = samples.ENVELOPES["cc"].partition(b"\n\ncopy: ")
    armor = rest[rest.index(b"\n\n") + 1 :]
    file = head + b"\n\n" + data + armor
    envelope(file)
    found = parse_envelope(file)
    if encode_copy(found.copy) == data:
        with patch("dispatch.checks.verifier.verify_inclusion"):
            verified = attempt(Verifier(samples.TRUSTED).verify, found)
        if verified is not None:
            assert found.copy.to in ("cc", "penza", "tula")
            assert found.copy.after is None or found.copy.after < samples.FIRST


# What is said


@target
def message(data: bytes) -> None:
    found = attempt(parse_message, data)
    assert (found is not None) == accepts(read_json, data, is_message)
    if found is None:
        return
    assert encode_message(found) == data
    shown = message_text(found, NOW, {"cc": "Centre"}, 80)
    assert all(clean(each) == each for each in shown.split("\n"))


CIRCULAR = parse_message(samples.line(samples.MESSAGES["circular"]))
LETTER = parse_message(samples.line(samples.MESSAGES["letter"]))


@target
def secrets(data: bytes) -> None:
    for said in (CIRCULAR, LETTER):
        found = attempt(parse_secrets, data, said, 700)
        if found is not None:
            assert encode_secrets(found, 700) == data
            assert 700 + len(data) == padme(max(700 + len(data) - len(found.padding), 1024))
    if accepts(read_json, data, SECRETS):
        decode_canonical(data, Secrets)


@target
def plaintext(data: bytes) -> None:
    """A plaintext as its sender signed and sealed it: all that an addressee checks."""
    said, hidden = parse_plaintext(data)
    assert said + hidden == data
    found = attempt(parse_message, said)
    number = samples.FIRST if found is None else parse_number(found.number)
    roster = samples.TRUSTED.roster
    signed_note = _signed_note(said, number)
    with samples.fixed_randomness():
        body = age.encrypt(data, [samples.BRANCH_IDENTITY.recipient()])
    place = Copy(index=2, to="penza", after=None, body=sha256(body).digest(), proof=())
    verified = VerifiedEnvelope(
        verified_note=VerifiedNote(signed_note=signed_note, keys=()), copy=place, body=body
    )
    opened = open_envelope(verified, "penza", [samples.BRANCH_IDENTITY], roster)
    assert opened.line == said
    assert opened.message == found
    named = {opened.message.from_, *opened.message.to, *opened.message.info}
    assert named == {"cc", "penza"}


def _signed_note(said: bytes, number: Number) -> Any:
    """A note that fits, parsed and taken for verified."""
    from dispatch.formats.envelope import SignedNote

    content, ref = content_digest(said), roster_ref(samples.ROSTERS[1])
    made = make_note(number, NOW, ref, Copies(2, bytes(32)), content=content)
    text = encode_note(made)
    return SignedNote(signed=SignedText(text=text, signatures=SIGNATURE), note=made, id=sha256(text).digest())


@target
def draft(data: bytes) -> None:
    found, problems = read_draft(data)  # raises nothing
    lines = data.count(b"\n") + 1
    assert all(1 <= problem.line <= lines for problem in problems)
    assert all(problem.text.isprintable() for problem in problems)
    try:
        ready = parse_draft(data)
    except (DraftError, NotReadyError) as caught:
        listed: tuple[Problem, ...] = caught.problems
    else:
        listed = ()
        assert ready == found
        if isinstance(ready, Draft):
            _send(ready)
    assert listed == problems


def _send(ready: Draft) -> None:
    """What is ready makes a message."""
    fields = samples.make_message(ready.kind, to=list(ready.to), info=list(ready.info), subject=ready.subject)
    fields |= {"precedence": ready.precedence, "body": ready.body}
    if ready.kind == "circular":
        fields |= {"zone": ready.zone, "reply": ready.reply, "reply_within": ready.reply_within}
    names = ["relations"] if ready.kind == "letter" else ["relations", "promises", "obligations", "forms"]
    fields |= {name: to_builtins(getattr(ready, name)) for name in names}
    parse_message(samples.line(fields))


FORM = convert(samples.EVERY_TYPE, Form)


@target
def report_draft(data: bytes) -> None:
    """The draft of a report to a form of every type: what has no problem fits, and is read back the same."""
    found, problems = read_draft(data)
    if not isinstance(found, ReportDraft):
        return
    values, wrong = read_values(FORM, found.values, found.lines)
    lines = data.count(b"\n") + 1
    assert all(1 <= problem.line <= lines for problem in wrong)
    assert all(problem.text.isprintable() for problem in wrong)
    if wrong or problems:
        return
    check_values(FORM, values)
    event = None
    if found.event is not None:
        event = {"count": found.event, "label": found.event_label, "date": found.event_date}
    fields: dict[str, Any] = {"body": found.body, "period": found.period, "event": event, "values": values}
    sent = parse_message(samples.line({**samples.MESSAGES["report"], **fields}))
    assert isinstance(sent, Report)
    assert sent.values == values
    again, none = _filled_in(previous=sent)
    assert (again.body, none) == (found.body, ())
    assert read_values(FORM, again.values, again.lines) == (values, ())


@target
def csv_table(data: bytes) -> None:
    """A table from CSV: what is read fits its field, and is read back from the draft that it fills in."""
    rows = read_table(FORM.fields[-1], data)
    values: dict[str, Value] = {"meetings": 1}
    if rows:
        values["demands"] = rows
    check_values(FORM, values)
    previous = parse_message(samples.line({**samples.MESSAGES["report"], "values": {"meetings": 1}}))
    assert isinstance(previous, Report)
    again, problems = _filled_in(previous=previous, tables={"demands": rows})
    if problems:  # cells with the marks of what is unfinished
        assert b"[Replace this:" in data or b"{" in data or b"replace-this" in data
        return
    assert read_values(FORM, again.values, again.lines) == (values, ())


def _filled_in(previous: Report, **tables: Any) -> tuple[ReportDraft, tuple[Problem, ...]]:
    """The draft of a revision, with the reason that it asks for."""
    circular = parse_message(samples.line(samples.MESSAGES["circular"]))
    assert isinstance(circular, Circular)
    event = previous.event
    text = report_template(
        number="cc/2026/4",
        circular=circular,
        obligation=replace(circular.obligations[0], paragraph=2),
        form=FORM,
        period=previous.period,
        event=event.count if event else None,
        event_label=event.label if event else None,
        event_date=event.date if event else None,
        nil=False,
        previous=previous,
        tables=tables.get("tables", {}),
    )
    reason = 'revision_reason = "[Replace this: why the figures change]"'
    assert reason in text
    found, problems = read_draft(text.replace(reason, 'revision_reason = "x"').encode())
    assert isinstance(found, ReportDraft)
    return found, problems


@target
def toml_index(data: bytes) -> None:
    source = data.decode("utf-8", "replace").replace("\r", "") + "\n"
    try:
        table = tomllib.loads(source)
    except (ValueError, RecursionError):
        return
    index = TomlIndex(source, 1)
    lines = source.count("\n")
    assert all(1 <= line <= lines for line in index.lines.values())
    assert sorted(value for _, value in index.strings) == sorted(_strings(table))
    assert {name.split(".")[0].split("[")[0] for name in table} <= {
        path.split(".")[0].split("[")[0] for path in index.lines
    }


def _strings(value: Any) -> list[str]:
    match value:
        case str():
            return [value]
        case dict():
            return [text for item in value.values() for text in _strings(item)]
        case list():
            return [text for item in value for text in _strings(item)]
    return []


# Small things


@target
def small_texts(data: bytes) -> None:
    text = text_of(data)
    number = attempt(parse_number, text)
    assert number is None or str(number) == text
    date = attempt(parse_date, text)
    assert date is None or format_date(date) == text
    for parse in (parse_volume, parse_handle, check_line, check_block):
        assert attempt(parse, text) in (None, text)
    line = attempt(check_line, text)
    if line is not None:
        assert clean(line) == line or any(unicodedata.category(c) == "Cf" for c in line)
        assert line.encode().decode().strip() == line
    attempt(check_addressees, (text, "cc"))
    for check in (check_attachment_name, check_calendar_date, check_decimal, check_duration, check_zone):
        attempt(check, text)
    for every in (None, "week", "month", "quarter", "year"):
        attempt(check_period, text, every)


@target
def file_name(data: bytes) -> None:
    cleaned = clean_name(text_of(data))
    assert cleaned
    assert 1 <= len(cleaned.encode()) <= 250
    assert not set(cleaned) & set('<>:"/\\|?*')
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs") for c in cleaned)
    assert cleaned not in (".", "..")
    assert not cleaned.startswith((".", " "))
    assert not cleaned.endswith((".", " "))
    assert cleaned.split(".")[0].rstrip().casefold() not in _devices()
    assert clean_name(cleaned) == cleaned


@cache
def _devices() -> frozenset[str]:
    ports = {f"{name}{digit}" for name in ("com", "lpt") for digit in "123456789¹²³"}
    return frozenset({"con", "prn", "aux", "nul", "conin$", "conout$"} | ports)


@target
def merkle_proof(data: bytes) -> None:
    """Size, index, and then hashes of one byte each: compared with the algorithm of RFC 9162."""
    size, index = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big", signed=True)
    leaf = leaf_hash(data[4:5])
    proof = [leaf_hash(bytes((byte,))) for byte in data[5:69]]
    root = _root_of_proof(leaf, index, size, proof)
    for expected in (root or bytes(32), bytes(32)):
        try:
            verify_inclusion(leaf, index, size, proof, expected)
        except ProofError:
            assert root is None or expected != root
        else:
            assert expected == root


def _root_of_proof(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes | None:
    """RFC 9162, section 2.1.3.2."""
    if not 0 <= index < size:
        return None
    first, last, node = index, size - 1, leaf
    for other in proof:
        if last == 0:
            return None
        if first & 1 or first == last:
            node = node_hash(other, node)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            node = node_hash(node, other)
        first, last = first >> 1, last >> 1
    return node if last == 0 else None


@target
def verify_command(data: bytes) -> None:
    """What `dispatch verify` does with a file."""
    for suffix in (".dispatch", ".note"):
        path = Path(_scratch().name, f"file{suffix}")
        path.write_bytes(data)
        verdict = verify_file(str(path), samples.TRUSTED)
        assert verdict.code in (0, 3, 5, 6)
        assert bool(verdict.error) == (verdict.code != 0)
        if verdict.code == 0:
            assert data.partition(b"\n\n")[0] + b"\n" in NOTE_TEXTS


@target
def statement(data: bytes) -> None:
    parsed = attempt(parse_statement, data)
    assert parsed is None or encode_statement(parsed.statement) == parsed.signed.text


@target
def audit_command(data: bytes) -> None:
    """What `dispatch audit` does with a file, whatever it says it is; it stands as a circular's text too."""
    folder = Path(_scratch().name, "audited")
    folder.mkdir(exist_ok=True)
    for suffix in (".dispatch", ".note", ".register"):
        (folder / f"file{suffix}").write_bytes(data)
    report = run_audit(
        Archive([folder]), samples.TRUSTED, at=NOW, root=samples.PIN, circulars=[Text("text", data)]
    )
    assert {one.kind for one in report.findings} <= KINDS.keys()
    # of three endings at most one is right
    assert report.verdict != "clean"
    assert json.loads(report_bytes(report))["code"] == report.code
    assert report_text(report, 80)
    assert audit_html(report)


@cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()
