"""check: what would stop a draft, and who would get it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dispatch.cli.common import open_office, print_json, print_text, read_input, say, show_problem
from dispatch.cli.issue import warn_of_classical
from dispatch.cli.options import json_option
from dispatch.errors import worst
from dispatch.render.terminal import fields, moment_text
from keys.text import format_date, parse_date

if TYPE_CHECKING:
    from dispatch.office.drafting import FirstDue


@click.command("check")
@click.argument("draft")
@json_option
def check_command(draft: str, *, as_json: bool) -> int:
    """Say everything that would stop DRAFT, with line numbers, and who would get it.

    \b
    dispatch check draft.md
    """
    from dispatch.drafts import read_draft
    from dispatch.office.drafting import Checked

    reading = read_draft(read_input(draft))
    if reading.draft is None:
        checked = Checked(outgoing=None, addressees=None, problems=reading.problems)
    else:
        checked = open_office().review(reading)
    warn_of_classical(checked)
    problems, addressees, dues = (
        checked.problems,
        checked.addressees,
        [_due_json(one) for one in checked.dues],
    )
    code = worst(problem.code for problem in problems)
    if as_json:
        print_json(
            {
                "ok": code == 0,
                "problems": [
                    {"line": problem.line, "error": problem.text, "hint": problem.hint, "code": problem.code}
                    for problem in problems
                ],
                "to": list(addressees.to) if addressees else None,
                "info": list(addressees.info) if addressees else None,
                "copies": len(addressees.copies) if addressees else None,
                "due": dues,
            }
        )
        return code
    for problem in problems:
        show_problem(problem.text, problem.hint, f"{draft}:{problem.line}")
    if addressees is not None:
        pairs = [("to", ", ".join(addressees.to))]
        if addressees.info:
            pairs.append(("info", ", ".join(addressees.info)))
        pairs.append(("copies", f"{len(addressees.copies)}, the file copy included"))
        pairs += [("due", _due_text(one)) for one in dues]
        print_text(fields(pairs))
    if code == 0:
        say("ready to issue")
    return code


def _due_json(one: FirstDue) -> dict[str, Any]:
    obligation = one.obligation
    return {
        "obligation": obligation.id,
        "period": one.period,
        "event": obligation.before or obligation.after,
        "side": "before" if obligation.before else "after" if obligation.after else None,
        "due": format_date(one.due) if one.due else None,
        "within": obligation.due,
        "by": list(obligation.by),
    }


def _due_text(due: dict[str, Any]) -> str:
    by = ", ".join(due["by"])
    if due["due"] is None:
        return f"{due['obligation']}: {due['within']} {due['side']} each {due['event']}, by {by}"
    period = f" for {due['period']}" if due["period"] else ""
    return f"{due['obligation']}{period}: {moment_text(parse_date(due['due']))}, by {by}"
