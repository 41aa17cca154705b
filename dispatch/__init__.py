"""Encrypted, signed circulars from a centre to its branches, signed reports back, and an audit without a key.

Three things are to be known:

    Office          the home of one office: `Office.create` makes it, `Office(path)` opens it; it issues,
                    receives, replies, decides, and says what is due
    parse_draft     reads what a clerk wrote, for `Office.issue`
    audit           the room of the auditor, who has no home and no key: `audit.run` for a whole archive,
                    `audit.verify` for single files

A centre and a branch, from their keys to an audit:

  from pathlib import Path
  from dispatch import Office, audit, parse_draft

  cc = Office.create(Path("cc"), handle="cc", title="Centre", realm="rkp", passphrase=None)
  tula = Office.create(Path("tula"), handle="tula", title="Tula", passphrase=None)
  roster, pin = cc.enrol(tula.card)            # people compare the pin by voice
  tula.trust(roster, pin)

  with cc, tula:
      issued = cc.issue(parse_draft(Path("circular.md").read_bytes()), directory=Path("post"))
      for one in tula.receive([Path("post")], directory=Path("post")).received:
          print(one.number, one.state, one.subject)

  report = audit.run([Path("post")], roster, pin)
  print(report.verdict, report.findings)

`passphrase=None` writes the keys in clear, which is for machines that nobody attends. Elsewhere give a
passphrase to `Office.create`, and to `Office(path, ask_passphrase=...)` a function that asks for it. Keep the
key of the realm (`root.key` in the home of its keeper) apart from the machine that issues.

Everything that goes wrong raises an error of `dispatch.errors`, of `keys.errors`, or OSError. Each has a
sentence, most have a `hint` that says what to do, and `errors.exit_code` gives the exit code of the command.

Public is what this module, `dispatch.office`, `dispatch.audit`, `dispatch.drafts`, `dispatch.errors`,
`keys.age` and `keys.sshsig` export; everything else may change with any version. What version 0.2 wrote,
every later 0.x and 1.x opens and verifies.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dispatch import audit, errors
    from dispatch.drafts import Draft, ReportDraft, parse_draft
    from dispatch.formats.note import Number, parse_number
    from dispatch.office import Office

__version__ = "0.1.0"

__all__ = [
    "Draft",
    "Number",
    "Office",
    "ReportDraft",
    "__version__",
    "audit",
    "errors",
    "parse_draft",
    "parse_number",
]

_PLACES = {
    "Draft": "drafts",
    "Number": "formats.note",
    "Office": "office",
    "ReportDraft": "drafts",
    "parse_draft": "drafts",
    "parse_number": "formats.note",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for, and nothing before: a command needs little of it."""
    if name in ("audit", "errors"):
        return import_module(f"dispatch.{name}")
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"dispatch.{_PLACES[name]}"), name)
