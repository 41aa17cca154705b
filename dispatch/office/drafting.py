"""A draft against what the register and the roster hold: what would stop it, and what it comes to.

Reading a draft finds what is wrong with it by itself; here it meets the circular that it answers, the
dispatches that it relates to, and the offices that it is for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dispatch.checks.addressees import Addressees, expand
from dispatch.checks.answers import fit_report
from dispatch.drafts import Draft, Problem, ReportDraft
from dispatch.drafts.csvtable import read_tables
from dispatch.drafts.form import report_template
from dispatch.duties.events import report_on_event
from dispatch.duties.slots import next_occasion
from dispatch.errors import RefusedError
from dispatch.formats.blinding import occasion_of
from dispatch.formats.message import Report
from dispatch.formats.note import parse_number
from dispatch.office.compose import check_owing, outgoing_draft, outgoing_report
from dispatch.office.readiness import refuse_unless_ready
from keys.trust import check_current

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from dispatch.formats.note import Number
    from dispatch.office.compose import Outgoing
    from dispatch.office.opened import OpenedRegister
    from dispatch.store import Register
    from keys.trust import TrustedRoster


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What would become of a draft. `outgoing` is None where a problem stops it."""

    outgoing: Outgoing | None
    addressees: Addressees | None
    problems: tuple[Problem, ...]


class Drafting:
    """The drafts of one office, at one moment."""

    def __init__(
        self,
        *,
        handle: str,
        register: Register,
        docket: OpenedRegister,
        trusted: TrustedRoster,
        now: datetime,
    ) -> None:
        self._handle = handle
        self._register = register
        self._docket = docket
        self._trusted = trusted
        self._now = now

    def check(self, draft: Draft | ReportDraft) -> Checked:
        """Find what would stop a draft, and who would get it. Raises what the roster has against it."""
        if isinstance(draft, ReportDraft):
            outgoing, problems = self._report(draft)
        else:
            outgoing, problems = self._outgoing(draft)
        if outgoing is None:
            return Checked(outgoing=None, addressees=None, problems=problems)
        refuse_unless_ready(outgoing, self._handle, self._trusted, self._now)
        roster = self._trusted.roster
        addressees = expand(outgoing.to, outgoing.info, self._handle, roster, roster.version)
        if isinstance(draft, Draft):
            problems += check_owing(draft, addressees, roster)
        return Checked(outgoing=outgoing, addressees=addressees, problems=problems)

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
        circular = self._docket.demand(number)
        case = self._docket.sort().case(number)
        obligation = (
            next((one for one in case.circular.obligations if one.id == obligation_id), None)
            if case
            else None
        )
        if case is not None and obligation is not None and period is None and event is None:
            period, event = next_occasion(case, obligation, self._handle, self._now)
        obligation, form = fit_report(
            circular,
            self._handle,
            obligation_id,
            self._trusted.roster,
            period=period,
            event=event,
            nil=nil,
            date=self._now,
        )
        assert case is not None  # noqa: S101 - only a circular has obligations
        known = report_on_event(case, obligation, self._handle, event)
        previous = self._docket.newest_report(number, self._handle, obligation_id, occasion_of(period, event))
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
            entry = self._register.find(number)
            line = draft.lines.get(f"relation[{index}].number", 1)
            if entry is not None:
                ids[relation.number] = entry.id
            if relation.type == "refers":
                continue
            if number.handle != self._handle:
                text = f"{relation.type} {number}, which is not ours: only its issuer can"
                problems.append(Problem(line, text, "", RefusedError.code))
            elif entry is None:
                text = f"our register has no {number}"
                problems.append(Problem(line, text, "`dispatch list --out` shows ours", RefusedError.code))
        return (None if problems else outgoing_draft(draft, ids)), tuple(problems)

    def _report(self, draft: ReportDraft) -> tuple[Outgoing | None, tuple[Problem, ...]]:
        """Make a report of its draft, unless something stops it."""
        check_current(self._trusted, self._now)
        try:
            circular = self._docket.demand(draft.answers_number)
        except RefusedError as error:
            return None, (Problem(draft.lines.get("answers", 1), str(error), error.hint, error.code),)
        earlier = self._docket.newest_report(
            draft.answers_number, self._handle, draft.obligation, occasion_of(draft.period, draft.event)
        )
        return outgoing_report(
            draft, circular, self._handle, earlier=earlier, roster=self._trusted.roster, now=self._now
        )
