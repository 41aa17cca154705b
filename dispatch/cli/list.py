"""list: what the register has, what is held, and what was rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dispatch.cli.common import open_office, print_json, print_text, width
from dispatch.cli.options import json_option
from dispatch.render.terminal import dtg, table
from keys.text import format_date

if TYPE_CHECKING:
    from dispatch.office import Listed, Office
    from dispatch.store import HeldState


@click.command("list")
@click.option("--in", "direction", flag_value="in", help="Only what others sent.")
@click.option("--out", "direction", flag_value="out", help="Only our own.")
@click.option("--held", "direction", flag_value="held", help="What waits for a newer roster or a later day.")
@click.option(
    "--rejected", "direction", flag_value="rejected", help="What was truly sent to us and is wrong."
)
@click.option("--in-force", is_flag=True, help="Only circulars that no later one cancels or supersedes.")
@click.option("--all", "everything", is_flag=True, help="More than the newest 50.")
@json_option
def list_command(direction: str | None, *, in_force: bool, everything: bool, as_json: bool) -> int:
    """List the register, newest first."""
    office = open_office()
    if direction in ("held", "rejected"):
        _list_waiting(office, direction, as_json=as_json)
        return 0
    ours = {"in": False, "out": True}.get(direction or "")
    listed = office.list(-1 if everything else 50, ours=ours, in_force=in_force)
    if as_json:
        print_json([_listed_json(item, office.handle) for item in listed])
        return 0
    rows = []
    for item in listed:
        entry, message = item.entry, item.message
        kind = message.kind if message else "-"
        state = "in" if entry.state == "received" else "out" if entry.state == "released" else entry.state
        rows.append((state, str(entry.number), dtg(entry.date), kind, message.subject if message else "-"))
    print_text(
        table(("", "number", "date", "kind", "subject"), rows, width(), "subject") if rows else "nothing yet"
    )
    return 0


def _listed_json(item: Listed, handle: str) -> dict[str, Any]:
    entry, message = item.entry, item.message
    return {
        "number": str(entry.number),
        "kind": message.kind if message else None,
        "from": entry.number.handle,
        "to": list(message.to) if message else None,
        "date": format_date(entry.date),
        "subject": message.subject if message else None,
        "direction": "out" if entry.number.handle == handle else "in",
        "state": entry.state,
    }


def _list_waiting(office: Office, state: str, *, as_json: bool) -> None:
    kept: HeldState = "held" if state == "held" else "rejected"
    # without any no key and no roster is needed
    waiting = office.inbox.kept(kept) if office.register.waiting.count(kept) else ()
    if as_json:
        print_json(
            [
                {
                    "file": item.file,
                    "number": str(item.number),
                    "state": item.state,
                    "error": item.reason,
                    "code": item.code,
                }
                for item in waiting
            ]
        )
        return
    rows = [(str(item.number), item.reason) for item in waiting]
    print_text(table(("number", "reason"), rows, width(), "reason") if rows else f"nothing is {state}")
