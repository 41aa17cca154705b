"""A month of a branch: the centre asks for reports, a branch promises and sends one, the centre collates.

Each `with` is one day's work of one office, and `now` is the moment as of which it judges. Without `now` the
office reads the clock.
"""

from datetime import UTC, datetime
from pathlib import Path

from dispatch import Office, parse_draft

POST = Path("post")  # in place of whatever carries files from one office to another
MAY_1 = datetime(2026, 5, 1, 9, tzinfo=UTC)
JUNE_2 = datetime(2026, 6, 2, 9, tzinfo=UTC)
JUNE_8 = datetime(2026, 6, 8, 9, tzinfo=UTC)

# The centre keeps the roster, and lists in it two branches whose fingerprints it has compared.
cc = Office.create(Path("cc"), handle="cc", title="Centre", realm="rkp", passphrase=None, now=MAY_1)
tula = Office.create(Path("tula"), handle="tula", title="Tula", passphrase=None, now=MAY_1)
penza = Office.create(Path("penza"), handle="penza", title="Penza", passphrase=None, now=MAY_1)
roster, pin = cc.enrol(tula.card, penza.card)
tula.trust(roster, pin)
penza.trust(roster, pin)

with cc:
    circular = cc.issue(parse_draft(Path("monthly.md").read_bytes()), directory=POST).number

with tula:
    tula.receive([POST], directory=POST)  # its receipt goes out at once
    tula.reply(circular, "undertaken", by="A. Petrova, secretary", directory=POST)

with Office(Path("tula"), now=JUNE_2) as tula:
    form = tula.report_form(circular, "monthly")  # a draft; people fill it in with an editor
    filled_in = form.replace('"[Replace this: integer]"', "12")
    tula.issue(parse_draft(filled_in.encode()), directory=POST)

with Office(Path("cc"), now=JUNE_2) as cc:
    cc.receive([POST], directory=POST)  # a report counts from here on

with Office(Path("cc"), now=JUNE_8) as cc:
    [duties] = cc.due(circular)
    for office in duties.standings:
        print(office.office, office.state)
    for slot in duties.slots:
        print(slot.office, slot.period, slot.state)
    table = cc.collate(circular, "monthly", "2026-05")
    for row in table.rows:
        print(row.office, dict(row.values))
    print(f"{table.actual} of {table.expected} reports")
