"""A draft against what the register and the roster hold: what would stop it, and what it comes to.

Reading a draft finds what is wrong with it by itself; here it meets the circular that it answers, the
dispatches that it relates to, and the offices that it is for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from dispatch.checks.addressees import Addressees, UnknownAddresseesError, expand
from dispatch.checks.answers import fit_report
from dispatch.drafts import Draft, Problem, ReportDraft
from dispatch.drafts.csvtable import read_tables
from dispatch.drafts.form import report_template
from dispatch.duties.events import report_on_event
from dispatch.duties.occasions import due_dates
from dispatch.duties.slots import next_occasion
from dispatch.errors import DispatchError, MessageError, RefusedError, exit_code
from dispatch.formats.blinding import occasion_of
from dispatch.formats.message import Report
from dispatch.formats.note import parse_number
from dispatch.office.compose import check_owing, outgoing_draft, outgoing_report
from dispatch.office.readiness import refuse_unless_ready
from keys.errors import KeysError
from keys.trust import check_current

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from dispatch.drafts import Reading
    from dispatch.formats.note import Number
    from dispatch.formats.obligation import Obligation
    from dispatch.office.compose import Outgoing
    from dispatch.office.context import OfficeContext
    from dispatch.office.opened import OpenedRegister


class FirstDue(NamedTuple):
    """When a first report to a circular would be due; None for an event, which nobody knows yet."""

    obligation: Obligation
    period: str | None
    due: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What would become of a draft. `outgoing` is None where a problem stops it.

    `classical`: the addressees whose copies are not protected from quantum computers.
    """

    outgoing: Outgoing | None
    addressees: Addressees | None
    problems: tuple[Problem, ...]
    classical: tuple[str, ...] = ()
    dues: tuple[FirstDue, ...] = ()


def review(reading: Reading, check: Callable[[Draft | ReportDraft], Checked]) -> Checked:
    """Find everything that would stop a draft as it was read, sorted by line, and what `check` raises too.

    What reading found at a line outweighs what is found there later.
    """
    checked = Checked(outgoing=None, addressees=None, problems=())
    if reading.draft is not None:
        try:
            checked = check(reading.draft)
        except (DispatchError, KeysError) as error:
            checked = replace(checked, problems=_problems_of(error, reading.draft))
    known = {problem.line for problem in reading.problems}
    problems = [*reading.problems, *(one for one in checked.problems if one.line not in known)]
    problems.sort(key=lambda problem: problem.line)
    return replace(checked, problems=tuple(problems))


class Drafting:
    """The drafts of one office, at one moment."""

    def __init__(self, context: OfficeContext, opened: OpenedRegister) -> None:
        self._context = context
        self._opened = opened

    def check(self, draft: Draft | ReportDraft) -> Checked:
        """Find what would stop a draft, and who would get it. Raises what the roster has against it."""
        outgoing, problems = self._report(draft) if isinstance(draft, ReportDraft) else self._outgoing(draft)
        dues = self._dues(draft)
        if outgoing is None:
            return Checked(outgoing=None, addressees=None, problems=problems, dues=dues)
        refuse_unless_ready(outgoing, self._context)
        roster = self._context.roster
        addressees = expand(outgoing.to, outgoing.info, self._context.handle, roster, roster.version)
        if isinstance(draft, Draft):
            problems += check_owing(draft, addressees, roster)
        return Checked(
            outgoing=outgoing,
            addressees=addressees,
            problems=problems,
            classical=tuple(
                name for name in addressees.copies if roster.office(name).is_classical(roster.version)
            ),
            dues=dues,
        )

    def _dues(self, draft: Draft | ReportDraft) -> tuple[FirstDue, ...]:
        """List the first due moments that a circular would create, of each obligation."""
        if isinstance(draft, ReportDraft):
            return ()
        return tuple(
            FirstDue(obligation, period, due)
            for obligation in draft.obligations
            for period, due in due_dates(obligation, draft.zone, self._context.now)
        )

    def report_form(
        self,
        number: Number,
        obligation_id: str,
        *,
        period: str | None,
        event: int | None,
        nil: bool,
        tables: Mapping[str, bytes],
    ) -> str:
        """Write the draft of a report to fill in; a period or event that is not given is derived.

        `tables`: CSV for fields that are tables. Raises RefusedError for what we do not owe.
        """
        circular = self._opened.demand(number)
        case = self._opened.case_builder().case(number)
        asked = [one for one in case.circular.obligations if one.id == obligation_id] if case else []
        if case is not None and asked and period is None and event is None:
            period, event = next_occasion(case, asked[0], self._context.handle, self._context.now)
        obligation, form = fit_report(
            circular,
            self._context.handle,
            obligation_id,
            self._context.roster,
            period=period,
            event=event,
            nil=nil,
            date=self._context.now,
        )
        assert case is not None  # noqa: S101 - `fit_report` refuses what is no circular
        known = report_on_event(case, obligation, self._context.handle, event)
        previous = self._opened.newest_report(
            number, self._context.handle, obligation_id, occasion_of(period, event)
        )
        return report_template(
            number=str(number),
            circular=case.circular,
            obligation=obligation,
            form=form,
            period=period,
            event=event,
            event_label=known.event_label if known else None,
            event_date=known.event_date.isoformat() if known and known.event_date else None,
            nil=nil,
            previous=previous.message if previous and isinstance(previous.message, Report) else None,
            tables=read_tables(form, tables),
        )

    def _outgoing(self, draft: Draft) -> tuple[Outgoing | None, tuple[Problem, ...]]:
        """Make a circular or letter of its draft, unless a relation is to what there is not."""
        ids, problems = {}, []
        for index, relation in enumerate(draft.relations):
            number = parse_number(relation.number)
            entry = self._context.register.find(number)
            line = draft.lines.get(f"relation[{index}].number", 1)
            if entry is not None:
                ids[relation.number] = entry.id
            if relation.type == "refers":
                continue
            if number.handle != self._context.handle:
                text = f"{relation.type} {number}, which is not ours: only its issuer can"
                problems.append(Problem(line, text, "", RefusedError.code))
            elif entry is None:
                text = f"our register has no {number}"
                problems.append(Problem(line, text, "`dispatch list --out` shows ours", RefusedError.code))
        return (None if problems else outgoing_draft(draft, ids)), tuple(problems)

    def _report(self, draft: ReportDraft) -> tuple[Outgoing | None, tuple[Problem, ...]]:
        """Make a report of its draft, unless something stops it."""
        check_current(self._context.trusted, self._context.now)
        try:
            circular = self._opened.demand(draft.answers_number)
        except RefusedError as error:
            return None, (Problem(draft.lines.get("answers", 1), str(error), error.hint, error.code),)
        earlier = self._opened.newest_report(
            draft.answers_number,
            self._context.handle,
            draft.obligation,
            occasion_of(draft.period, draft.event),
        )
        return outgoing_report(
            draft,
            circular,
            self._context.handle,
            earlier=earlier,
            roster=self._context.roster,
            now=self._context.now,
        )


def _problems_of(error: DispatchError | KeysError, draft: Draft | ReportDraft) -> tuple[Problem, ...]:
    """Say at which lines the roster stops a draft: of addressees, its text, or its kind for all else."""
    if not isinstance(error, UnknownAddresseesError) or not isinstance(draft, Draft):
        field = "body" if isinstance(error, MessageError) else "kind"
        return (Problem(draft.lines.get(field, 1), str(error), error.hint, exit_code(error)),)
    places = {
        name: draft.lines.get(f"{field}[{index}]") or draft.lines.get(field, 1)
        for field, names in (("info", draft.info), ("to", draft.to))
        for index, name in enumerate(names)
    }
    return tuple(
        Problem(places.get(name, 1), text, error.hint, exit_code(error)) for name, text in error.wrong.items()
    )
