"""check: what would stop a draft, and who would get it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dispatch.cli.common import open_office, print_json, print_text, read_input, say, show_problem
from dispatch.cli.issue import _warn_of_classical
from dispatch.cli.options import json_option
from dispatch.errors import DispatchError, MessageError, exit_code, worst
from dispatch.render.terminal import fields, moment_text
from keys.errors import KeysError
from keys.text import format_date, parse_date

if TYPE_CHECKING:
    from dispatch.checks.addressees import Addressees
    from dispatch.drafts import Draft, Problem, ReportDraft
    from dispatch.office import Office


@click.command("check")
@click.argument("draft")
@json_option
def check_command(draft: str, *, as_json: bool) -> int:
    """Say everything that would stop DRAFT, with line numbers, and who would get it.

    \b
    dispatch check draft.md
    """
    from dispatch.drafts import read_draft

    reading = read_draft(read_input(draft))
    problems = list(reading.problems)
    addressees: Addressees | None = None
    dues: list[dict[str, Any]] = []
    if reading.draft is not None:
        office = open_office()
        try:
            checked = office.check(reading.draft)
            found, addressees = checked.problems, checked.addressees
            dues = _dues(reading.draft, office)
            if addressees is not None:
                _warn_of_classical(office, addressees)
        except (DispatchError, KeysError) as error:
            found = tuple(_roster_problems(error, reading.draft))
        known = {problem.line for problem in problems}
        problems += [one for one in found if one.line not in known]
    problems.sort(key=lambda problem: problem.line)
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


def _dues(draft: Draft | ReportDraft, office: Office) -> list[dict[str, Any]]:
    """List the first due moments that a circular would create, of each obligation."""
    from dispatch.drafts import Draft
    from dispatch.duties.occasions import due_dates

    if not isinstance(draft, Draft):
        return []
    return [
        {
            "obligation": obligation.id,
            "period": period,
            "event": obligation.before or obligation.after,
            "side": "before" if obligation.before else "after" if obligation.after else None,
            "due": format_date(due) if due else None,
            "within": obligation.due,
            "by": list(obligation.by),
        }
        for obligation in draft.obligations
        for period, due in due_dates(obligation, draft.zone, office.now)
    ]


def _due_text(due: dict[str, Any]) -> str:
    by = ", ".join(due["by"])
    if due["due"] is None:
        return f"{due['obligation']}: {due['within']} {due['side']} each {due['event']}, by {by}"
    period = f" for {due['period']}" if due["period"] else ""
    return f"{due['obligation']}{period}: {moment_text(parse_date(due['due']))}, by {by}"


def _roster_problems(error: DispatchError | KeysError, draft: Draft | ReportDraft) -> list[Problem]:
    """Say at which lines the roster stops a draft: of addressees, its text, or its kind for all else."""
    from dispatch.checks.addressees import UnknownAddresseesError
    from dispatch.drafts import Draft, Problem

    if not isinstance(error, UnknownAddresseesError) or not isinstance(draft, Draft):
        field = "body" if isinstance(error, MessageError) else "kind"
        return [Problem(draft.lines.get(field, 1), str(error), error.hint, exit_code(error))]
    places = {
        name: draft.lines.get(f"{field}[{index}]") or draft.lines.get(field, 1)
        for field, names in (("info", draft.info), ("to", draft.to))
        for index, name in enumerate(names)
    }
    return [
        Problem(places.get(name, 1), text, error.hint, exit_code(error)) for name, text in error.wrong.items()
    ]
