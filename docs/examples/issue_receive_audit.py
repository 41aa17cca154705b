"""docs/examples/issue_receive_audit.py, run by the tests."""

from pathlib import Path

from dispatch import Office, audit, parse_draft  # audit is the room; no exported name is also another room's

cc = Office.create(Path("cc"), handle="cc", title="Centre", realm="rkp", passphrase=None)
tula = Office.create(Path("tula"), handle="tula", title="Tula", passphrase=None)
roster, pin = cc.enrol(tula.card)  # people compare the pin by voice
tula.trust(roster, pin)

with cc, tula:
    issued = cc.issue(parse_draft(Path("circular.md").read_bytes()), directory=Path("post"))
    for one in tula.receive([Path("post")], directory=Path("post")).received:
        print(one.number, one.state, one.subject)

report = audit.run([Path("post")], roster, pin)
print(report.verdict, report.findings)
