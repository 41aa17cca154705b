"""An auditor, who has no home and no key: what is wrong with an archive, and who reported in time.

He has the envelopes, the signed roster, its root fingerprint from a source that he trusts, and two lines of a
circular, which its issuer gives to auditors. `make_archive` plays what was before.
"""

from datetime import UTC, datetime
from pathlib import Path

from dispatch import Office, audit, parse_draft

POST = Path("post")
MAY_1 = datetime(2026, 5, 1, 9, tzinfo=UTC)
JUNE_2 = datetime(2026, 6, 2, 9, tzinfo=UTC)
JUNE_8 = datetime(2026, 6, 8, 9, tzinfo=UTC)


def make_archive() -> tuple[bytes, str, bytes]:
    """Fill POST; give the roster, its root fingerprint, and the lines of a circular for the auditor."""
    cc = Office.create(Path("cc"), handle="cc", title="Centre", realm="rkp", passphrase=None, now=MAY_1)
    tula = Office.create(Path("tula"), handle="tula", title="Tula", passphrase=None, now=MAY_1)
    penza = Office.create(Path("penza"), handle="penza", title="Penza", passphrase=None, now=MAY_1)
    roster, pin = cc.enrol(tula.card, penza.card)
    tula.trust(roster, pin)
    with cc:
        circular = cc.issue(parse_draft(Path("monthly.md").read_bytes()), directory=POST).number
        lost = cc.issue(parse_draft(Path("circular.md").read_bytes()), directory=POST)
    for file in lost.files:
        file.unlink()  # somebody withholds this circular from everybody
    with Office(Path("tula"), now=JUNE_2) as tula:
        tula.receive([POST], directory=POST)
        form = tula.report_form(circular, "monthly").replace('"[Replace this: integer]"', "12")
        tula.issue(parse_draft(form.encode()), directory=POST)
    with Office(Path("cc"), now=JUNE_2) as cc:
        cc.receive([POST], directory=POST)
        return roster, pin, cc.publish(circular).audit


roster, pin, lines = make_archive()

circular = audit.Text("cc-2026-1.circular", lines)
report = audit.run([POST], roster, pin, at=JUNE_8, circulars=[circular])
print(report.verdict)
for finding in report.findings:
    print(f"{finding.severity}: {finding.kind}: {finding.subject}: {finding.text}")
for status in report.duties:
    for slot in status.slots:
        print(slot.office, slot.period, slot.state)

# Each file by itself: whether its office signed it, and this is the copy that was signed.
cut_short = POST / "cc-2026-1.penza.dispatch"
cut_short.write_bytes(cut_short.read_bytes()[:-500])
for verdict in audit.verify([POST], roster, pin, at=JUNE_8):
    print(f"{Path(verdict.file).name}: {verdict.error or 'holds'}")
