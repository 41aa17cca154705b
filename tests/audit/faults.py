"""Everything that may be wrong with an archive, one fault at a time, and exactly what the auditor finds.

Each fault changes a copy of the clean archive. `findings`: kinds and subjects, all of them; none where an
archive is unusual and nothing is wrong with it. docs/THREATS.md shows this table; see faultmakers.py for how
each is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dispatch.formats.envelope import MAX_ENVELOPE
from dispatch.formats.note import Number
from keys.codec import encode_base64
from tests.audit.faultmakers import (
    AS_IT_IS,
    FOR_ANOTHER_PURPOSE,
    LATE,
    NEXT,
    NO_RIGHT,
    NO_ZONE,
    OF_ANOTHER_ROOT,
    OTHER_ADDRESSEES,
    RECEIPT,
    REPORT,
    WRONG_ADDRESSEES,
    WRONG_NUMBER,
    after,
    again_elsewhere,
    another_past,
    another_volume,
    anothers_note_listed,
    begun_anew,
    both,
    by_an_ended_key,
    closed_by_two,
    closed_otherwise,
    closed_twice,
    compromised,
    contradicting_statements,
    covered_by_a_later_note,
    covered_by_the_next_year,
    dated_otherwise,
    early_receipt,
    edited,
    equivocated,
    file_of,
    forged_and_receipted,
    forked,
    from_nowhere,
    gone_on,
    header_alone,
    kept_statement,
    later_roster,
    letter_text,
    listed,
    more_copies_than_offices,
    no_age_file,
    nothing,
    nothing_left,
    numbered_far,
    one_year_of_b07,
    other_body,
    other_content,
    other_head,
    other_proof,
    other_realm,
    other_roster,
    other_secrets,
    past_its_roster,
    planted_ahead,
    put,
    receipted_by_a_victim,
    receipted_by_itself,
    removed,
    renumbered,
    resigned,
    returned_and_filed_again,
    revoked,
    rewritten,
    sealed_as,
    sealed_classically,
    sent,
    sent_to,
    share_of,
    signed_anew,
    some_here,
    strangers_receipt,
    strangers_statement,
    swapped_bodies,
    tampered_statement,
    too_few,
    twin,
    two_keys,
    two_pasts,
    voided,
    with_rights,
)
from tests.forge.archive import RENEWED, circular_lines, key_of, slot
from tests.forge.dispatches import DAY, same

if TYPE_CHECKING:
    from collections.abc import Callable

    from dispatch.audit.findings import Severity
    from dispatch.audit.report import AuditReport
    from tests.forge.archive import ForgedArchive


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One way in which an archive differs from the clean one. `roster`: the version that the auditor has.

    `severity`: of its findings, where their kind does not say it. `partial`: the auditor knows that it is a
    share. `twice`: every PATH is given twice. `links`, `folders`: made beside its files: links to the archive
    itself, and empty folders; `others`: other paths that are given. `circular`: what is given as the text of
    the first circular, if any.
    """

    name: str
    what: str
    make: Callable[[ForgedArchive], object]
    findings: tuple[tuple[str, str], ...]
    severity: Severity | None = None
    roster: int | None = None
    partial: bool = False
    twice: bool = False
    links: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    circular: Callable[[ForgedArchive], bytes] | None = lambda archive: archive.circular


# First one file and its bytes, then trust, registers, receipts, duties.
FAULTS = (
    Fault(
        name="truncated-file",
        what="an envelope that ends too early",
        make=edited(lambda data: data[:-40]),
        findings=(("truncated-file", file_of(REPORT, "cc")),),
    ),
    Fault(
        name="empty-file",
        what="an envelope of no bytes",
        make=edited(lambda _: b""),
        findings=(("truncated-file", file_of(REPORT, "cc")),),
    ),
    Fault(
        name="empty-note",
        what="a bare note of no bytes",
        make=put("empty.note", b""),
        findings=(("truncated-file", "empty.note"),),
    ),
    Fault(
        name="file-too-long",
        what="a file longer than any envelope may be",
        make=put("long.dispatch", bytes(MAX_ENVELOPE + 1)),
        findings=(("malformed-file", "long.dispatch"),),
    ),
    Fault(
        name="foreign-file",
        what="a picture under the name of an envelope",
        make=edited(lambda _: b"\x89PNG\r\n"),
        findings=(("foreign-file", file_of(REPORT, "cc")),),
    ),
    Fault(
        name="other-line-ends",
        what="an envelope with CRLF line ends in its copy",
        make=edited(lambda data: data.replace(b"\nto: cc\n", b"\r\nto: cc\n")),
        findings=(("malformed-file", file_of(REPORT, "cc")),),
    ),
    Fault(
        name="number-edited",
        what="a note whose number was edited, against its register line",
        make=edited(lambda data: data.replace(b"number: b03/2026/6\n", b"number: b03/2026/7\n", 1)),
        findings=(("malformed-file", file_of(REPORT, "cc")),),
    ),
    Fault(
        name="bare-note-as-envelope",
        what="an envelope cut down to its note and signatures",
        make=edited(lambda data: data[: data.index(b"\n\ncopy: ") + 1]),
        findings=(("truncated-file", file_of(REPORT, "cc")),),
    ),
    Fault(
        name="not-there",
        what="a PATH that does not exist",
        make=nothing,
        findings=(("unreadable-file", "absent"),),
        others=("absent",),
    ),
    Fault(
        name="device",
        what="a PATH that is a device",
        make=nothing,
        findings=(("unreadable-file", "null"),),
        others=("/dev/null",),
    ),
    Fault(
        name="empty-folder",
        what="a folder with nothing in it",
        make=nothing,
        findings=(("nothing-to-audit", "empty"),),
        folders=("empty",),
    ),
    Fault(
        name="nothing-at-all",
        what="an archive of no files",
        make=nothing_left,
        findings=(("nothing-to-audit", "."),),
        circular=None,
    ),
    Fault(
        name="files-twice",
        what="the same files in two folders",
        make=again_elsewhere,
        findings=(),
    ),
    Fault(
        name="paths-twice",
        what="the same PATH given twice",
        make=nothing,
        findings=(),
        twice=True,
    ),
    Fault(
        name="hidden-file",
        what="what is no envelope under a hidden name, and in a hidden folder",
        make=both(put(".x.dispatch", b"?"), put(".being-written/x.dispatch", b"?")),
        findings=(),
    ),
    Fault(
        name="link-loop",
        what="a link to the archive within it",
        make=nothing,
        findings=(("link-not-followed", "loop"),),
        links=("loop",),
        severity="warning",
    ),
    Fault(
        name="edited-note",
        what="a note whose date was edited, in one copy",
        make=edited(dated_otherwise),
        findings=(("signature-broken", str(REPORT)),),
    ),
    Fault(
        name="edited-everywhere",
        what="a note whose date was edited in every copy",
        make=edited(dated_otherwise, only=None),
        findings=(("signature-broken", str(REPORT)),),
    ),
    Fault(
        name="re-signed",
        what="a note signed again by a key of nobody's",
        make=edited(resigned("a stranger")),
        findings=(("key-unlisted", str(REPORT)),),
    ),
    Fault(
        name="re-signed-where-nobody-receipted",
        what="the same in every copy of a note that nobody receipted: the heads after it hold its id",
        make=edited(resigned("a stranger"), RECEIPT, None),
        findings=(("key-unlisted", str(RECEIPT)),),
    ),
    Fault(
        name="edited-where-nobody-receipted",
        what="a note that nobody receipted, edited in every copy: no head after it holds its id",
        make=edited(lambda data: data.replace(b"date: 2026-03-02", b"date: 2026-03-01", 1), RECEIPT, None),
        findings=(("missing-id-list", "b03/2026"), ("signature-broken", str(RECEIPT))),
    ),
    Fault(
        name="re-signed-by-another",
        what="a note signed again by another office",
        make=edited(resigned("b04")),
        findings=(("key-unlisted", str(REPORT)),),
    ),
    Fault(
        name="signed-for-another-purpose",
        what="a signature made over a note as if it were a card",
        make=sent("b03", namespace="dispatch-card"),
        findings=(("signature-of-another-purpose", "b03/2026/25"),),
    ),
    Fault(
        name="copy-swapped",
        what="the bodies of two branches' copies exchanged",
        make=swapped_bodies,
        findings=(("body-broken", "cc/2026/1 to b02"), ("body-broken", "cc/2026/1 to b03")),
    ),
    Fault(
        name="body-altered",
        what="a copy whose body was altered",
        make=edited(other_body),
        findings=(("body-broken", f"{REPORT} to cc"),),
    ),
    Fault(
        name="proof-altered",
        what="a copy with another proof",
        make=edited(other_proof),
        findings=(("proof-broken", f"{REPORT} to cc"),),
    ),
    Fault(
        name="copy-for-another",
        what="a copy whose addressee was altered",
        make=edited(lambda data: data.replace(b"\nto: cc\n", b"\nto: b04\n")),
        findings=(("proof-broken", f"{REPORT} to b04"),),
    ),
    Fault(
        name="sealed-to-a-hybrid-key",
        what="a body with a hybrid stanza where the office is classical",
        make=sent("cc", to=("b03",), body=sealed_as("mlkem768x25519", share=1120)),
        findings=(("sealed-otherwise", f"{NEXT} to b03"),),
    ),
    Fault(
        name="sealed-twice",
        what="a body with two stanzas",
        make=sent("cc", to=("b03",), body=sealed_as("X25519", shares=2)),
        findings=(("sealed-otherwise", f"{NEXT} to b03"),),
    ),
    Fault(
        name="sealed-to-half-a-key",
        what="a body with a stanza that no key opens",
        make=sent("cc", to=("b03",), body=sealed_as("X25519", share=31)),
        findings=(("sealed-otherwise", f"{NEXT} to b03"),),
    ),
    Fault(
        name="not-sealed",
        what="a body that is no age file",
        make=sent("cc", to=("b03",), body=no_age_file),
        findings=(("sealed-otherwise", f"{NEXT} to b03"),),
    ),
    Fault(
        name="sealed-nothing",
        what="a body that ends after its header",
        make=sent("cc", to=("b03",), body=header_alone),
        findings=(("sealed-otherwise", f"{NEXT} to b03"),),
    ),
    Fault(
        name="sealed-to-a-classical-key",
        what="a body with a classical stanza where the office is hybrid",
        make=sealed_classically,
        findings=(("sealed-otherwise", f"{NEXT} to h01"),),
    ),
    Fault(
        name="two-copies-one-office",
        what="two copies of a note for one office",
        make=sent_to("b05", "b05", "cc"),
        findings=(("two-copies-one-office", NEXT),),
    ),
    Fault(
        name="two-copies-apart",
        what="two copies of a note for one office, another between them, and none for the issuer",
        make=sent_to("b05", "b07", "b05"),
        findings=(("no-file-copy", NEXT), ("two-copies-one-office", NEXT)),
    ),
    Fault(
        name="copies-out-of-order",
        what="copies that are not in order of handle",
        make=sent_to("b10", "b05", "cc"),
        findings=(("copies-out-of-order", NEXT),),
    ),
    Fault(
        name="copy-hidden-between",
        what="two copies, a third between them that is not here, and no office that it could be for",
        make=some_here(("b05", "b06"), "b05", "b10", "b06", "cc"),
        findings=(("copies-out-of-order", NEXT),),
        partial=True,
    ),
    Fault(
        name="more-copies-than-offices",
        what="a copy that is truly the last of a thousand million",
        make=more_copies_than_offices,
        findings=(("copies-out-of-order", NEXT),),
    ),
    Fault(
        name="no-file-copy",
        what="a note without a copy for its issuer",
        make=sent_to("b05", "b06"),
        findings=(("no-file-copy", NEXT),),
    ),
    Fault(
        name="no-file-copy-in-a-share",
        what="the last copy of a note, for an office that comes before the issuer, alone",
        make=some_here(("b06",), "b05", "b06"),
        findings=(("no-file-copy", NEXT),),
        partial=True,
    ),
    Fault(
        name="copies-some-here",
        what="two of four copies of a note, whose others are where their archive is",
        make=some_here(("b05", "cc"), "b05", "b06", "b07", "cc"),
        findings=(),
    ),
    Fault(
        name="addressee-of-nowhere",
        what="a copy for an office that the roster does not list",
        make=sent("cc", to=("zz",)),
        findings=(("copies-out-of-order", NEXT), ("unknown-office", f"{NEXT} to zz")),
    ),
    Fault(
        name="issuer-of-nowhere",
        what="a note by an office that the roster does not list",
        make=from_nowhere,
        findings=(("unknown-office", "zz/2026/1"),),
    ),
    Fault(
        name="roster-too-old",
        what="a roster older than half of the notes",
        make=nothing,
        findings=(("unknown-roster-version", "rkp/2"),),
        roster=1,
    ),
    Fault(
        name="roster-two-versions-too-old",
        what="a roster older than two versions that notes name: once for each",
        make=later_roster,
        findings=(("unknown-roster-version", "rkp/2"), ("unknown-roster-version", "rkp/3")),
        roster=1,
    ),
    Fault(
        name="another-realm",
        what="a note that names another realm",
        make=sent("b03", note=other_realm),
        findings=(("another-realm", "other/2"),),
    ),
    Fault(
        name="another-roster",
        what="a note that names another text of a roster version",
        make=sent("b03", note=other_roster),
        findings=(("roster-contradicted", "rkp/2"),),
    ),
    Fault(
        name="roster-expired",
        what="a note dated after its roster version expired",
        make=sent("b03", date=datetime(2030, 6, 1, tzinfo=UTC)),
        findings=(("roster-expired", "b03/2030/1"),),
    ),
    Fault(
        name="roster-expired-that-moment",
        what="a note of the very moment at which its roster version expired",
        make=sent("b03", date=datetime(2030, 1, 1, 9, tzinfo=UTC)),
        findings=(("roster-expired", "b03/2030/1"),),
    ),
    Fault(
        name="older-roster-expired",
        what="a note that names an older roster version after that expired",
        make=past_its_roster,
        findings=(("roster-expired", "b03/2030/1"),),
    ),
    Fault(
        name="key-after-its-end",
        what="a note signed with a key that had ended",
        make=sent("b01", keys=(key_of("b01"),)),
        findings=(("key-not-in-force", "b01/2026/25"),),
    ),
    Fault(
        name="key-before-its-beginning",
        what="a note of the first year signed again with the key of the second",
        make=edited(resigned(RENEWED), Number("b01", "2025", 2)),
        findings=(("key-not-in-force", "b01/2025/2"),),
    ),
    Fault(
        name="too-few-signatures",
        what="one signature where the office's threshold is two",
        make=too_few,
        findings=(("too-few-signatures", "b02/2026/25"),),
    ),
    Fault(
        name="key-compromised",
        what="a note dated after its key was compromised",
        make=compromised(LATE, then=True),
        findings=(("key-compromised", "b02/2026/25"),),
    ),
    Fault(
        name="compromised-before-its-receipt",
        what="a key compromised after its last notes, and before anybody receipted them",
        make=compromised(datetime(2026, 12, 3, 20, tzinfo=UTC), then=False),
        findings=(
            ("compromised-without-evidence", "b02/2026/23"),
            ("compromised-without-evidence", "b02/2026/24"),
        ),
    ),
    Fault(
        name="compromised-later",
        what="a key compromised after others' receipts cover all that it signed",
        make=compromised(LATE, then=False),
        findings=(),
    ),
    Fault(
        name="one-key-of-two-compromised",
        what="a note by two keys where one is enough, and only one of them was compromised",
        make=two_keys(0, 1, marked={0: LATE + DAY}, receipted=False),
        findings=(),
    ),
    Fault(
        name="signed-once-and-twice",
        what="the same, where another copy has the signature of the compromised key alone",
        make=signed_anew,
        findings=(),
    ),
    Fault(
        name="both-keys-compromised",
        what="a note by two keys where one is enough, receipted when only one of them was compromised",
        make=two_keys(0, 1, marked={0: LATE + timedelta(hours=1), 1: LATE + 2 * DAY}, receipted=True),
        findings=(),
    ),
    Fault(
        name="another-key-compromised-earlier",
        what="a note receipted before its key was compromised, and after another key of its office was",
        make=two_keys(1, marked={0: LATE + timedelta(hours=1), 1: LATE + 2 * DAY}, receipted=True),
        findings=(),
    ),
    Fault(
        name="key-compromised-beside-a-sound-one",
        what="a note by a key compromised since, whose office has another that is not",
        make=two_keys(0, marked={0: LATE + timedelta(hours=1)}, receipted=True),
        findings=(("compromised-without-evidence", "b02/2026/25"),),
    ),
    Fault(
        name="compromised-in-a-share",
        what="the same in one office's share: the evidence may lie elsewhere",
        make=two_keys(0, marked={0: LATE + timedelta(hours=1)}, receipted=True),
        findings=(("compromised-without-evidence", "b02/2026/25"),),
        severity="not-checkable",
        partial=True,
    ),
    Fault(
        name="covered-by-a-later-note",
        what="a note of a key compromised later, and in time a receipt for the next, whose head pins it",
        make=covered_by_a_later_note(same),
        findings=(),
    ),
    Fault(
        name="covered-by-a-broken-head",
        what="the same with another head, which proves nothing of a note that nothing else proves",
        make=covered_by_a_later_note(other_head),
        findings=(("compromised-without-evidence", "b02/2026/25"), ("missing-id-list", "b02/2026")),
        severity="missing",
    ),
    Fault(
        name="covered-by-the-next-year",
        what="a year's last note by a key compromised later, and in time a receipt for the next year's first",
        make=covered_by_the_next_year,
        findings=(),
    ),
    Fault(
        name="receipted-by-a-victim",
        what="a note of a key compromised later, receipted by an office whose key was compromised too",
        make=receipted_by_a_victim,
        findings=(("compromised-without-evidence", "b02/2026/25"),),
    ),
    Fault(
        name="receipted-by-itself",
        what="a note of a key compromised later, receipted by its own office",
        make=receipted_by_itself,
        findings=(("compromised-without-evidence", "b02/2026/25"),),
    ),
    Fault(
        name="twin-by-a-thief",
        what="a second note under a number, which a thief dated before the theft: the first one was covered",
        make=both(twin(RECEIPT, other_content), revoked(RECEIPT.handle, LATE)),
        findings=(("compromised-without-evidence", str(RECEIPT)),),
        severity="missing",
    ),
    Fault(
        name="statement-by-a-thief",
        what="a signed list of a register by a key that was compromised later: no receipt names a list",
        make=both(kept_statement("b03", "2026", LATE - DAY), revoked("b03", LATE)),
        findings=(("compromised-without-evidence", "b03-2026.register"),),
        severity="missing",
    ),
    Fault(
        name="planted-ahead",
        what="a note dated more than 30 days after its key ended, under the roster version before",
        make=planted_ahead,
        findings=(("key-ended", "b02/2026/25"),),
    ),
    Fault(
        name="report-removed",
        what="a report gone, and its receipt there: the id is known",
        make=removed(REPORT),
        findings=(("missing-note", str(REPORT)),),
    ),
    Fault(
        name="note-removed",
        what="a note gone that nobody receipted: no head after it can be recomputed",
        make=removed(RECEIPT),
        findings=(("missing-id-list", "b03/2026"), ("missing-note", str(RECEIPT))),
        severity="missing",
    ),
    Fault(
        name="note-removed-from-a-share",
        what="the same in one office's share, where gaps are no fault",
        make=removed(RECEIPT),
        findings=(("missing-id-list", "b03/2026"),),
        severity="not-checkable",
        partial=True,
    ),
    Fault(
        name="share-of-one-office",
        what="nothing but what one branch sent and got, given as its share",
        make=share_of("b02"),
        findings=(("missing-id-list", "cc/2025"), ("missing-id-list", "cc/2026")),
        severity="not-checkable",
        partial=True,
    ),
    Fault(
        name="note-removed-statement-kept",
        what="a note gone, and a signed list of the register there",
        make=both(removed(RECEIPT), kept_statement("b03", "2026")),
        findings=(("missing-note", str(RECEIPT)),),
    ),
    Fault(
        name="last-note-removed",
        what="the last note of a register gone, which only a signed list knows",
        make=both(kept_statement("b03", "2026"), removed(Number("b03", "2026", 24))),
        findings=(("missing-note", "b03/2026/24"),),
    ),
    Fault(
        name="year-removed",
        what="a whole volume gone, and its signed list kept: another year's audit",
        make=both(kept_statement("b07", "2025"), one_year_of_b07),
        findings=(),
    ),
    Fault(
        name="voided",
        what="a number without a note, which the issuer declared never released",
        make=voided(1),
        findings=(),
    ),
    Fault(
        name="voided-one-after-another",
        what="two such numbers one after another: no head tells which id is whose",
        make=voided(2),
        findings=(("missing-id-list", "cc/2026"), ("missing-note", f"{NEXT}-254")),
        severity="missing",
    ),
    Fault(
        name="voided-and-released",
        what="a note here that its issuer declared never released",
        make=lambda archive: archive.send("cc", LATE, ["b01"], voids=[archive.newest("cc").id]),
        findings=(("voided-note-released", "cc/2026/252"),),
    ),
    Fault(
        name="re-numbered",
        what="a note that leaves out a number",
        make=sent("b03", note=renumbered),
        findings=(("missing-id-list", "b03/2026"), ("missing-note", "b03/2026/25")),
    ),
    Fault(
        name="numbered-far",
        what="a truly signed note that says it is the 999,999,999th",
        make=sent("b03", note=numbered_far),
        findings=(("missing-id-list", "b03/2026"), ("missing-note", "b03/2026/25-999999998")),
    ),
    Fault(
        name="numbered-far-by-nobody",
        what="the same by a key of nobody's, which proves no number",
        make=sent("b03", note=numbered_far, keys=[key_of("a stranger")], keep=False),
        findings=(("key-unlisted", "b03/2026/999999999"),),
    ),
    Fault(
        name="two-notes-one-number",
        what="two notes with one number",
        make=equivocated,
        findings=(("two-notes-one-number", "b03/2026/25"),),
    ),
    Fault(
        name="two-notes-amid-a-register",
        what="two notes with one number, of which later notes pin one",
        make=twin(RECEIPT, other_content),
        findings=(("two-notes-one-number", str(RECEIPT)),),
    ),
    Fault(
        name="head-forked",
        what="two notes with one number that pin two heads",
        make=twin(RECEIPT, other_head),
        findings=(("heads-differ", "b03/2026/4"), ("two-notes-one-number", str(RECEIPT))),
    ),
    Fault(
        name="register-forked",
        what="two branches shown two registers, two notes long",
        make=forked,
        findings=(
            ("heads-differ", "cc/2026/253"),
            ("two-notes-one-number", NEXT),
            ("two-notes-one-number", "cc/2026/254"),
        ),
    ),
    Fault(
        name="register-rewritten",
        what="a note replaced, truly signed, after later notes pinned it",
        make=rewritten(RECEIPT),
        findings=(("head-broken", "b03/2026/5"),),
    ),
    Fault(
        name="receipted-note-rewritten",
        what="a note replaced, truly signed, after it was receipted and pinned",
        make=rewritten(REPORT),
        findings=(
            ("head-broken", "b03/2026/6"),
            ("receipt-for-unknown-note", "REPORT"),
        ),
    ),
    Fault(
        name="statement-contradicted",
        what="the last note replaced, and a signed list of the register kept",
        make=both(kept_statement("cc", "2026"), rewritten(Number("cc", "2026", 252))),
        findings=(("register-rewritten", "cc/2026/252"),),
    ),
    Fault(
        name="statement-kept",
        what="a signed list of a register that agrees with the notes",
        make=AS_IT_IS,
        findings=(),
    ),
    Fault(
        name="statement-of-another-past",
        what="a signed list with another id for a note that is here",
        make=another_past,
        findings=(("register-rewritten", "b03/2026/1"),),
    ),
    Fault(
        name="statements-of-two-pasts",
        what="two signed lists of a year that contradict each other, and none of its notes",
        make=two_pasts,
        findings=(("register-rewritten", "b07/2025/3"),),
    ),
    Fault(
        name="two-statements",
        what="two signed lists of one register that say different things",
        make=contradicting_statements,
        findings=(("missing-note", NEXT), ("register-rewritten", NEXT)),
    ),
    Fault(
        name="statement-tampered",
        what="a signed list with an altered id",
        make=tampered_statement,
        findings=(("proof-broken", "cc-2025.register"),),
    ),
    Fault(
        name="statement-of-another-root",
        what="a list of a register, truly signed, whose ids do not have its root",
        make=OF_ANOTHER_ROOT,
        findings=(("proof-broken", "b03-2026.register"),),
    ),
    Fault(
        name="statement-signed-for-another-purpose",
        what="a list of a register signed as if it were a note",
        make=FOR_ANOTHER_PURPOSE,
        findings=(("signature-of-another-purpose", "b03-2026.register"),),
    ),
    Fault(
        name="statement-by-an-ended-key",
        what="a list of a register signed with a key that had ended",
        make=by_an_ended_key,
        findings=(("key-not-in-force", "b01-2025.register"),),
    ),
    Fault(
        name="statement-forged",
        what="a list of a register signed by a key of nobody's",
        make=strangers_statement,
        findings=(("key-unlisted", "cc-2025.register"),),
    ),
    Fault(
        name="statement-with-an-id-twice",
        what="a signed list that names one id twice",
        make=listed(lambda ids: [*ids, ids[3]]),
        findings=(("list-impossible", "b03/2026"), ("missing-note", "b03/2026/25")),
    ),
    Fault(
        name="statement-before-its-year",
        what="a signed list dated before the year of its volume",
        make=listed(lambda _: [bytes([9]) * 32], volume="2027"),
        findings=(("list-impossible", "b03/2027"),),
    ),
    Fault(
        name="statement-before-its-notes",
        what="a signed list dated before a note that it names",
        make=listed(lambda ids: ids, date=datetime(2026, 3, 1, 9, tzinfo=UTC)),
        findings=(("list-impossible", "b03/2026"),),
    ),
    Fault(
        name="statement-of-anothers-note",
        what="a signed list that names a note of another number",
        make=anothers_note_listed,
        findings=(("list-impossible", "b03/2027"),),
    ),
    Fault(
        name="wrong-head",
        what="a note that pins a head which is none",
        make=sent("cc", to=("b01",), note=other_head),
        findings=(("head-broken", "cc/2026/252"),),
    ),
    Fault(
        name="volume-closed-otherwise",
        what="a year closed one note short, and with another head",
        make=closed_otherwise,
        findings=(("heads-differ", "cc/2026/252"), ("two-volumes-at-once", "cc/2027/1")),
    ),
    Fault(
        name="volume-closed-twice",
        what="a year closed by two notes, at two heads",
        make=closed_twice,
        findings=(("heads-differ", "cc/2026/252"), ("two-notes-one-number", "cc/2027/1")),
    ),
    Fault(
        name="volume-closed-by-two",
        what="a year closed by a lettered volume, and by the next year at another head",
        make=closed_by_two,
        findings=(("heads-differ", "cc/2026/252"), ("two-volumes-at-once", "cc/2027/1")),
    ),
    Fault(
        name="volume-gone-on",
        what="a note in a year that was closed before it",
        make=gone_on,
        findings=(("two-volumes-at-once", "b03/2026/1"),),
    ),
    Fault(
        name="two-volumes-at-once",
        what="a lettered volume that closes the year at fewer notes than there are",
        make=another_volume(200),
        findings=(("two-volumes-at-once", "cc/2026b/1"),),
    ),
    Fault(
        name="volume-restored",
        what="a lettered volume that closes the year where it stands",
        make=another_volume(252),
        findings=(),
    ),
    Fault(
        name="register-begun-anew",
        what="a second volume that says it is the first",
        make=begun_anew,
        findings=(("two-volumes-at-once", "cc/2026b/1"),),
    ),
    Fault(
        name="dates-decrease",
        what="a note dated before the one that precedes it",
        make=sent("b06", date=datetime(2026, 11, 1, tzinfo=UTC)),
        findings=(("dates-decrease", "b06/2026/25"),),
    ),
    Fault(
        name="dates-decrease-from-volume-to-volume",
        what="a lettered volume that begins before the last note of what it closes",
        make=another_volume(252, datetime(2026, 11, 15, tzinfo=UTC)),
        findings=(("dates-decrease", "cc/2026b/1"),),
    ),
    Fault(
        name="volume-left-in-the-past",
        what="a lettered volume that closes the year where it stood then, and the year goes on",
        make=another_volume(228, datetime(2026, 11, 15, tzinfo=UTC)),
        findings=(("two-volumes-at-once", "cc/2026b/1"),),
    ),
    Fault(
        name="dispatch-passed-over",
        what="a copy that passes over the dispatch before it to the same office",
        make=sent("cc", to=("b01",), after=after(Number("cc", "2025", 1))),
        findings=(("after-broken", f"{NEXT} to b01"),),
    ),
    Fault(
        name="dispatch-made-up",
        what="a copy that names a dispatch which its office never got",
        make=sent("cc", to=("b01",), after=after(Number("cc", "2026", 252))),
        findings=(("after-broken", f"{NEXT} to b01"),),
    ),
    Fault(
        name="dispatch-to-come",
        what="a copy that names a later dispatch as the one before it",
        make=sent("cc", to=("b01",), after=after(Number("cc", "2026", 300))),
        findings=(("after-broken", f"{NEXT} to b01"),),
    ),
    Fault(
        name="receipt-forged",
        what="a receipt signed by another branch",
        make=sent("b05", keys=(key_of("b06"),), receipts=[bytes(32)]),
        findings=(("key-unlisted", "b05/2026/25"),),
    ),
    Fault(
        name="receipt-before-dispatch",
        what="a receipt dated days before what it acknowledges",
        make=early_receipt(3 * DAY),
        findings=(("receipt-before-dispatch", "b05/2026/25"),),
        severity="broken",
    ),
    Fault(
        name="receipt-by-a-slow-clock",
        what="a receipt dated an hour before what it acknowledges",
        make=early_receipt(timedelta(hours=1)),
        findings=(("receipt-before-dispatch", "b05/2026/25"),),
        severity="warning",
    ),
    Fault(
        name="receipt-for-unknown-note",
        what="a receipt for a note that is not here",
        make=sent("b05", receipts=[bytes(32)]),
        findings=(("receipt-for-unknown-note", encode_base64(bytes(32))),),
        severity="missing",
    ),
    Fault(
        name="receipt-for-unknown-note-in-a-share",
        what="the same in one office's share",
        make=sent("b05", receipts=[bytes(32)]),
        findings=(("receipt-for-unknown-note", encode_base64(bytes(32))),),
        severity="not-checkable",
        partial=True,
    ),
    Fault(
        name="receipt-for-a-forgery",
        what="a receipt for a note that is here and does not hold",
        make=forged_and_receipted,
        findings=(("key-unlisted", "b03/2026/25"),),
    ),
    Fault(
        name="receipt-from-a-stranger",
        what="a receipt by an office that got no copy",
        make=strangers_receipt,
        findings=(("receipt-from-stranger", "b02/2026/25"),),
    ),
    Fault(
        name="report-in-anothers-slot",
        what="a report in the slot of another branch",
        make=sent("b04", answers=[slot("report", "b05", "2026-12")]),
        findings=(("report-in-anothers-slot", "b04/2026/25"),),
    ),
    Fault(
        name="slot-filled-twice",
        what="a second report in one slot",
        make=sent("b04", answers=[slot("report", "b04", "2026-11")]),
        findings=(("slot-filled-twice", "b04/2026/25"),),
        severity="warning",
    ),
    Fault(
        name="slot-filled-again",
        what="a second report in one slot, after the first was returned",
        make=returned_and_filed_again,
        findings=(),
    ),
    Fault(
        name="decision-by-another",
        what="a branch that waives its own slot",
        make=sent("b04", answers=[slot("waive", "b04", "2026-11")]),
        findings=(("decision-by-another", "b04/2026/25"),),
    ),
    Fault(
        name="reply-for-another",
        what="a reply to a circular in the name of another branch",
        make=sent("b04", answers=[slot("refuse", "b05")]),
        findings=(("reply-for-another", "b04/2026/25"),),
    ),
    Fault(
        name="undertaking-for-another",
        what="an undertaking in the name of another branch",
        make=sent("b04", answers=[slot("undertake", "b05")]),
        findings=(("reply-for-another", "b04/2026/25"),),
    ),
    Fault(
        name="report-without-right",
        what="a report by a branch that had lost the right to report",
        make=both(with_rights("b04", "issue"), sent("b04", answers=[slot("report", "b04", "2026-12")])),
        findings=(("report-without-right", "b04/2026/25"),),
    ),
    Fault(
        name="circular-of-nobody",
        what="a circular's text to which no note commits",
        make=nothing,
        findings=(("circular-not-found", "circular"),),
        circular=lambda _: b"".join(circular_lines(number=Number("cc", "2026", 7))),
    ),
    Fault(
        name="circular-torn",
        what="a circular's text without its second line",
        make=nothing,
        findings=(("circular-malformed", "circular"),),
        circular=lambda archive: archive.circular.split(b"\n")[0] + b"\n",
    ),
    Fault(
        name="circular-that-is-a-letter",
        what="the text of a letter",
        make=nothing,
        findings=(("circular-malformed", "circular"),),
        circular=letter_text,
    ),
    Fault(
        name="circular-with-other-secrets",
        what="a circular's text with the second line of another",
        make=nothing,
        findings=(("circular-secrets-differ", "circular"),),
        circular=other_secrets,
    ),
    Fault(
        name="circular-contradicts-note",
        what="a circular whose text has another number than its note",
        make=WRONG_NUMBER[0],
        findings=(("circular-contradicts-note", "circular"),),
        circular=WRONG_NUMBER[1],
    ),
    Fault(
        name="circular-addressees-differ",
        what="a circular for all that was sent to one",
        make=WRONG_ADDRESSEES[0],
        findings=(("circular-addressees-differ", "circular"),),
        circular=WRONG_ADDRESSEES[1],
    ),
    Fault(
        name="circular-without-right",
        what="a circular by an office that had lost the right to issue",
        make=both(with_rights("cc", "report"), NO_RIGHT[0]),
        findings=(("circular-without-right", "circular"),),
        circular=NO_RIGHT[1],
    ),
    Fault(
        name="circular-to-others",
        what="a circular for one branch that was sent to another",
        make=OTHER_ADDRESSEES[0],
        findings=(("circular-addressees-differ", "circular"),),
        circular=OTHER_ADDRESSEES[1],
    ),
    Fault(
        name="circular-of-an-unknown-zone",
        what="a circular in a time zone that this machine does not know",
        make=NO_ZONE[0],
        findings=(("circular-not-judged", NEXT),),
        circular=NO_ZONE[1],
    ),
)


def kinds_and_subjects(report: AuditReport) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((one.kind, one.subject) for one in report.findings))


def table() -> str:
    """Write the table as docs/THREATS.md shows it."""
    lines = ["| fault | finding | test |", "| --- | --- | --- |"]
    for one in FAULTS:
        kinds = dict.fromkeys(f"`{kind}`" for kind, _ in one.findings)
        said = ", ".join(kinds) + (f" ({one.severity})" if one.severity else "")
        lines.append(f"| {one.what} | {said if kinds else 'none'} | `{one.name}` |")
    return "\n".join(lines) + "\n"
