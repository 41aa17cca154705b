"""Make the corpus that fuzzing starts from: `python -m tests.fuzz.make_corpus`, or `--check` that it is made.

Every file of a target's folder is made here from real cards, rosters, envelopes, keys, but for those named
`found-…`: inputs that once broke something, and stay.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from dispatch.drafts import EXAMPLES, template
from dispatch.formats.envelope import encode_copy, parse_envelope
from dispatch.formats.merkle import proof_length
from dispatch.formats.message import parse_message
from keys import age
from keys.age.header import encode_header, encode_signed, parse_header
from keys.age.kdf import header_mac
from keys.age.stream import encrypt_payload
from keys.card import encode_card
from keys.codec import encode_base64
from keys.opensshkey import decode_armor, encode_armor
from keys.roster import encode_roster, next_version, revoke_key, set_group
from keys.signed import encode_signed as encode_signed_text
from keys.signing import encode_private
from keys.trust import encode_roster_file
from tests.forge.dispatches import DAY, FILE_KEY, NOW
from tests.fuzz import samples
from tests.fuzz.samples import CENTRE_IDENTITY, HYBRID_IDENTITY, MESSAGES, VECTORS, fixed_randomness

CORPUS = Path(__file__).parent / "corpus"
KEEP = "found-"

Seeds = dict[str, bytes]


def make() -> dict[str, Seeds]:
    """Give each target's inputs by name."""
    return {
        **_make_age(),
        **_make_encodings(),
        **_make_openssh(),
        **_make_rosters(),
        **_make_notes(),
        **_make_texts(),
        "merkle_proof": _make_proofs(),
    }


def _make_age() -> dict[str, Seeds]:
    with fixed_randomness():
        sealed = age.encrypt(b"Text", [CENTRE_IDENTITY.recipient()])
        header, _ = parse_header(sealed)
        signed = encode_signed(header.stanzas)
        known = encode_header(signed, header_mac(FILE_KEY, signed)) + encrypt_payload(FILE_KEY, b"Text")
    short, armored, scrypt = (
        (VECTORS / f"age/{name}.age").read_bytes()
        for name in ("hybrid-short", "hybrid-armored", "scrypt-correct-horse")
    )
    files = {"classical": sealed, "hybrid": short}
    armors = {
        "empty": age.encode_armor(b""),
        "one-line": age.encode_armor(bytes(48)),
        "crlf": b"\n " + age.encode_armor(bytes(49)).replace(b"\n", b"\r\n"),
        "hybrid": armored,
    }
    two = encode_signed((*header.stanzas, *header.stanzas))
    return {
        "age_header": {**files, "scrypt": age.decode_armor(scrypt), "two": encode_header(two, bytes(32))},
        "age_armor": armors,
        "age_decrypt": {**files, "armored": armored},
        "age_decrypt_authentic": {"text": known, "two": encode_header(two, bytes(32)) + bytes(40)},
    }


def _make_encodings() -> dict[str, Seeds]:
    recipients = (CENTRE_IDENTITY.recipient(), HYBRID_IDENTITY.recipient())
    return {
        "bech32": {
            "identity": CENTRE_IDENTITY.secret_text().encode(),
            "hybrid-identity": HYBRID_IDENTITY.secret_text().encode(),
            "recipient": str(recipients[0]).encode(),
            "short": b"a1",
            "comments": b"# one\n\n" + CENTRE_IDENTITY.secret_text().encode() + b"\n",
        },
        "base64": {"none": b"", "one": b"AA==", "two": b"AAA=", "three": b"//+/", "raw": b"AAA"},
        "decimal": {"zero": b"0", "most": b"999999999", "zeros": b"007", "arabic": "٣".encode()},
        "canonical_json": {
            "flat": samples.line(_anything()),
            "deep": samples.line(_anything(inner=[_anything(members={"ключ": [{"a": 1}]})])),
            "escapes": samples.line(_anything(text='"\\\b\t\n\f\r\u0000\u001f\u007f\u2028😀')),
        },
    }


def _anything(**members: object) -> dict[str, object]:
    plain = {"number": 2**53 - 1, "text": "Текст", "truth": None, "items": [1, "a", True, None]}
    return {**plain, "members": {"a": -1, "b": "c"}, "inner": [], **members}


def _make_openssh() -> dict[str, Seeds]:
    vectors = VECTORS / "openssh"
    private = {
        "ed25519": encode_private(samples.ROOT, "root", random=bytes),
        "hybrid": encode_private(samples.HYBRID_SIGNER, random=bytes),
        "passphrase": (vectors / "ed25519.passphrase").read_bytes(),
    }
    private["raw"] = decode_armor("OPENSSH PRIVATE KEY", private["ed25519"], 32 * 1024)
    signatures = {
        "ed25519": (vectors / "message.ed25519.sha512.sig").read_bytes(),
        "sha256": (vectors / "message.ed25519.sha256.sig").read_bytes(),
        "hybrid": (vectors / "message.mldsa44-ed25519.sha512.sig").read_bytes(),
    }
    signatures["raw"] = decode_armor("SSH SIGNATURE", signatures["ed25519"], 8 * 1024)
    signed = {
        "one": encode_signed_text(samples.SIGNED_ROSTERS[0].signed),
        "several": samples.CARD_FILES["penza"],
        "more": b"text\n\n" + signatures["ed25519"] + b"\nmore\n",
        "no-key": b"text\n\n" + encode_armor("SSH SIGNATURE", b"SSHSIG\0\0\0\1"),
    }
    return {
        "ssh_public": {
            "ed25519": (vectors / "ed25519.pub").read_bytes(),
            "hybrid": samples.HYBRID_SIGNER.verify_key.line().encode(),
            "sealing": samples.CARDS["cc"].sealing[0].encode(),
        },
        "ssh_private": private,
        "ssh_signature": signatures,
        "signed_text": signed,
        "key_file": {
            "classical": b"# sealing key\n%s\n\n%s"
            % (CENTRE_IDENTITY.secret_text().encode(), private["ed25519"]),
            "hybrid": HYBRID_IDENTITY.secret_text().encode() + b"\n" + private["hybrid"],
            "passphrase": private["passphrase"],
        },
    }


def _make_rosters() -> dict[str, Seeds]:
    texts = {f"version-{roster.version}": encode_roster(roster) for roster in samples.ROSTERS}
    third = samples.ROSTERS[2]
    later = next_version(third, date=NOW, expires=NOW + 400 * DAY)
    revoked = revoke_key(later, "cc", samples.CENTRE.verify_key.fingerprint(), NOW)
    updates = {
        "revoked": encode_roster(revoked),
        "regrouped": encode_roster(set_group(later, "provinces", ["cc", "penza"])),
        "other-realm": encode_roster(later).replace(b'"rkp"', b'"rkq"'),
    }
    return {
        "card": samples.CARD_FILES,
        "card_text": {handle: encode_card(card) for handle, card in samples.CARDS.items()},
        "roster": {**texts, "revoked": updates["revoked"]},
        "roster_update": {"version-3": texts["version-3"], **updates},
        "roster_file": {
            "one": encode_roster_file(samples.SIGNED_ROSTERS[:1]),
            "all": samples.ROSTER_FILE,
            "two": encode_roster_file(samples.SIGNED_ROSTERS[1:]),
        },
    }


def _make_notes() -> dict[str, Seeds]:
    centre, branch = samples.ENVELOPES["cc"], samples.BY_TWO["penza"]
    one, two = parse_envelope(centre), parse_envelope(branch)
    texts = {"centre": one.signed_note.signed.text, "branch": two.signed_note.signed.text}
    long = texts["centre"] + b"".join(
        f"{name}: {encode_base64(bytes([number]) * 32)}\n".encode()
        for name in ("answers", "receipts", "voids")
        for number in (0, 127, 255)
    )
    bare = {
        "centre": encode_signed_text(one.signed_note.signed),
        "branch": encode_signed_text(two.signed_note.signed),
    }
    files = {"centre": centre, "branch": branch}
    return {
        "note": {**texts, "repeated": long},
        "note_text": {**texts, "repeated": long},
        "bare_note": bare,
        "envelope": files,
        "copy": {
            "first": encode_copy(one.copy),
            "second": encode_copy(parse_envelope(samples.ENVELOPES["penza"]).copy),
            "after": encode_copy(one.copy).replace(b"after: -", b"after: cc/2025b/9"),
        },
        "verify_command": {**files, "bare": bare["centre"]},
        "audit_command": {**files, "bare": bare["centre"], "statement": samples.STATEMENT},
        "statement": {"centre": samples.STATEMENT},
    }


_REPORT = """\
+++
kind = "report"
answers = "cc/2026/4#monthly"
period = "2026-05"
precedence = "priority"
revision_reason = "x"
[values]
meetings = 12
share = 12.5
course = "a\\tb\\n"
last = 2026-05-31
met = false
mood = "хорошее"
[[values.demands]]
demand = "Хлеб"
times = 2
[[values.demands]]
demand = "\\u202eДрова"
share = 0.10
+++
Text
"""


def _fill_in(text: str) -> bytes:
    """Put something into the placeholders of a template."""
    text = re.sub(r"\[Replace this: (?:[^]]*as in )?([^]]+)\]", r"\1", text)
    return text.replace("replace-this", "cc").encode()


def _make_texts() -> dict[str, Seeds]:
    lines = {name: samples.line(fields) for name, fields in MESSAGES.items()}
    plaintexts = {}
    for name in ("letter", "circular", "report"):
        fields = {**MESSAGES[name], "to": ["penza"], "attachments": [], "number": "cc/2026/1", "from": "cc"}
        plaintexts[name] = b"".join(samples.plaintext_of(parse_message(samples.line(fields))))
    hidden = samples.plaintext_of(parse_message(lines["circular"]))[1]
    written = (
        b'+++\nkind = "circular"\nsubject = "S"\nto = ["@provinces", "cc"]\ninfo = []\n'
        b'precedence = "flash"\nzone = "UTC"\nreply = "undertaking"\nreply_within = "P7D"\n+++\nText\n'
    )
    toml = (
        b'a.b = [1, \'x\', {c = "\\u0041"}] # d\n[[t]]\n"k k" = \'\'\'\ny\'\'\'\n[t.u]\nz = """\\\n  w"""\n'
    )
    report = _REPORT.encode()
    return {
        "report_draft": {
            "values": report,
            "event": report.replace(
                b'period = "2026-05"', b'event = 3\nevent_label = "c"\nevent_date = 2026-06-12'
            ),
            "nil": report.partition(b"[values]")[0] + b"nil = true\n+++\n",
            "numbers": report.replace(b"share = 12.5", b"share = -1e2"),
            "comma": report.replace(b"12.5", b"12,5"),
        },
        "csv_table": {
            "names": "demand,times,share,day,met,mood\nХлеб,2,1.5,2026-05-31,true,a\n".encode(),
            "labels": '\ufeffПоле demand;Поле share;;\r\n"Х ""и"";\r\nд";-1,50;;\r\n'.encode(),
            "tabs": "met\tdemand\ttimes\rнет\tx\t1\u202f234\r".encode(),
            "marks": b"demand\n[Replace this: x]\n{++a++}\nreplace-this\n",
        },
        "message": lines,
        "secrets": {"circular": hidden, "none": hidden.replace(samples.digest(20).encode(), b"")},
        "plaintext": plaintexts,
        "draft": {
            "circular": template("circular").encode(),
            "letter": template("letter").encode(),
            **{example: _fill_in(template("circular", example)) for example in EXAMPLES["circular"]},
            "ready": written,
            "marks": written.replace(b"Text", b"{++a++} {--b {>>c<<} [Replace this: d]"),
            "later": written.replace(b"info = []", b'[values]\nx = 1\n[[form]]\nid = "a"'),
        },
        "toml_index": {"all": toml, "draft": written.split(b"+++")[1]},
        "small_texts": {
            "number": b"cc/2026b/17",
            "date": b"2026-11-23T09:00:00Z",
            "day": b"2026-02-28",
            "week": b"2026-W53",
            "duration": b"PT12H",
            "decimal": b"-0.50",
            "zone": b"Europe/Moscow",
            "handle": b"@a-0",
            "line": "Центральный комитет".encode(),
        },
        "file_name": {
            "plain": "План.pdf".encode(),
            "device": b"con.txt",
            "hidden": b".profile",
            "path": b"..\\../a:b",
            "long": b"a" * 240 + b". " + b"b" * 100,
            "marks": "a\u202etxt.exe\u200d ".encode(),
        },
    }


def _make_proofs() -> Seeds:
    found = {}
    for size, index in ((1, 0), (2, 1), (5, 4), (7, 3), (300, 299)):
        shape = bytes(proof_length(index, size))
        found[f"{index}-of-{size}"] = size.to_bytes(2, "big") + index.to_bytes(2, "big") + b"x" + shape
    return found


def differences() -> list[str]:
    """Say what is not as it would be made."""
    wanted = {
        CORPUS / target / name: data for target, seeds in make().items() for name, data in seeds.items()
    }
    there = {
        path: path.read_bytes()
        for path in CORPUS.glob("*/*")
        if path.is_file() and not path.name.startswith(KEEP)
    }
    return sorted(
        str(path.relative_to(CORPUS)) for path in wanted.keys() | there if wanted.get(path) != there.get(path)
    )


def main() -> int:
    """Write the corpus, or check it."""
    if "--check" in sys.argv[1:]:
        wrong = differences()
        sys.stdout.writelines(f"{name}: not what would be made\n" for name in wrong)
        return bool(wrong)
    for target, seeds in make().items():
        (CORPUS / target).mkdir(parents=True, exist_ok=True)
        for name, data in seeds.items():
            (CORPUS / target / name).write_bytes(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
