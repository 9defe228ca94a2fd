"""A language model's proposals: asked for by a person, answered by the worker, accepted sentence by sentence or whole.

Off until the owner turns it on for the endpoint in the settings; another endpoint or model is off again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import msgspec

from actions import MACHINE, Actor, Refused, audit, jobs, records, reports
from models import SETTINGS, Case, Proposal, Report, Reworded, WordingSwitch, db
from practice import cases as facts_of
from practice import factsheet
from practice.drafting import draft
from practice.rewording import Wording, applied
from practice.slots import Polished, Suggestion

PATIENCE = timedelta(seconds=6)
"""The whole time for a report; after it the page says that the built-in text stands."""


# The switch


def switch() -> WordingSwitch | None:
    """The owner's last word."""
    return WordingSwitch.select().order_by(WordingSwitch.id.desc()).first()


def obstacles() -> list[str]:
    """Why no model may be asked now; empty means that one may."""
    if not SETTINGS.model_url:
        return ["No language model is set up. Reports are written by the built-in writer."]
    last = switch()
    if last is None or not last.on:
        return ["The owner has not turned wording by a language model on."]
    if (last.host, last.model) != (SETTINGS.model_host, SETTINGS.model):
        return ["The endpoint or the model changed after the owner turned it on. The owner has to confirm it anew."]
    return []


def turn(*, on: bool, baa_on: date | None, by: Actor, now: datetime, today: date) -> WordingSwitch:
    """Turn wording by a model on or off. An endpoint outside this machine needs a business associate agreement first."""
    if not by.person or not by.person.has("owner"):
        raise Refused("Only the owner of the practice decides this.")
    if on and not SETTINGS.model_url:
        raise Refused("Set OPENAI_BASE_URL first, and start again.")
    if on and not SETTINGS.model_is_here and baa_on is None:
        raise Refused(
            f"{SETTINGS.model_host} is outside this machine. Record the date of the business associate agreement first."
        )
    if baa_on and baa_on > today:
        raise Refused("The business associate agreement has a date in the future.")
    with db.atomic():
        row = WordingSwitch.create(
            on=on, host=SETTINGS.model_host, model=SETTINGS.model, baa_on=baa_on, at=now, by=by.person
        )
        audit.record(
            by, "turn on" if on else "turn off", "wording", row_id=row.id, host=row.host, model=row.model,
            baa_on=baa_on.isoformat() if baa_on else None,
        )  # fmt: skip
    return row


# Asking


def newest(report: Report) -> Proposal | None:
    """The last proposal made from the same facts, of this draft or of one that differs in its words alone."""
    same = (Report.case == report.case_id) & (Proposal.facts_digest == facts_of.digest(report.read_facts()))
    return Proposal.select(Proposal, Report).join(Report).where(same).order_by(Proposal.id.desc()).first()


@dataclass(frozen=True)
class Offer:
    """What the report's page says of a model: what it proposes, that it is at work, or why it is not."""

    obstacles: list[str]
    proposal: Proposal | None
    late: bool
    suggestions: list[tuple[int, Suggestion, bool]]
    """Number, suggestion, and whether it stands in the report already."""

    @property
    def waiting(self) -> bool:
        return bool(self.proposal and self.proposal.state == "asked" and not self.late)

    @property
    def open(self) -> list[tuple[int, Suggestion, bool]]:
        return [one for one in self.suggestions if one[1].text and not one[2]]

    @property
    def kept(self) -> list[tuple[int, Suggestion, bool]]:
        """Where the built-in words stand because the model's did not hold."""
        return [one for one in self.suggestions if one[1].reason]


def offer(report: Report, case: Case, *, now: datetime) -> Offer:
    """How a report and the language model stand to each other."""
    proposal = newest(report)
    stands = {(one.section, one.key, one.text) for one in reports.wordings_of(report)}
    offered = [
        (number, one, (one.section, one.key, one.text) in stands)
        for number, one in enumerate(suggestions(proposal) if proposal else (), 1)
    ]
    late = bool(proposal and proposal.state == "asked" and now - proposal.asked_at > PATIENCE + timedelta(seconds=2))
    return Offer(obstacles=objections(report, case), proposal=proposal, late=late, suggestions=offered)


def objections(report: Report, case: Case) -> list[str]:
    """Why no wording can be asked for this report now."""
    if case.signed_at:
        return [records.SIGNED]
    last = reports.current(case)
    if last is None or last.id != report.id or reports.stale(report, case):
        return ["The record changed after this was drafted. Draft the report again first."]
    return obstacles()


def propose(report: Report, *, by: Actor, now: datetime) -> Proposal:
    """Ask the model for a wording of this draft; the worker does it. A question that is still open is not asked twice."""
    with db.atomic():
        case = Case.get_by_id(report.case_id)
        if reasons := objections(report, case):
            raise Refused(*reasons)
        last = newest(report)
        if last and last.state == "asked" and now - last.asked_at < PATIENCE:
            return last
        proposal = Proposal.create(
            report=report, host=SETTINGS.model_host, model=SETTINGS.model, prompt=factsheet.PROMPT,
            facts_digest=reports.drafted(report).digest, asked_at=now, asked_by=by.person,
        )  # fmt: skip
        jobs.ask("polish", f"polish:{proposal.id}", proposal.id, due_at=now)
        audit.record(
            by, "propose", "wording", row_id=proposal.id, case_id=case.id, host=proposal.host, model=proposal.model
        )
    return proposal


def sending(proposal: Proposal, request_sha256: str) -> None:
    """A request is about to leave: what it was is kept by digest, whatever becomes of it."""
    with db.atomic():
        Proposal.update(request_sha256=request_sha256).where(Proposal.id == proposal.id).execute()
        audit.record(
            MACHINE, "send", "wording", row_id=proposal.id, case_id=proposal.report.case_id,
            host=proposal.host, model=proposal.model, prompt=proposal.prompt, request_sha256=request_sha256,
        )  # fmt: skip


def heard(proposal: Proposal, characters: int) -> None:
    """How far the answer has come, for the page that waits."""
    Proposal.update(heard=characters).where(Proposal.id == proposal.id, Proposal.state == "asked").execute()


def answer(
    proposal: Proposal, polished: Polished, *, tokens_in: int | None, tokens_out: int | None, now: datetime
) -> None:
    """Keep what came of asking."""
    with db.atomic():
        state = "failed" if polished.note else "made"
        Proposal.update(
            state=state, note=polished.note, answered_at=now, tokens_in=tokens_in, tokens_out=tokens_out,
            replies=[one[:20_000] for one in polished.replies],
            suggestions=[msgspec.to_builtins(one) for one in polished.suggestions],
        ).where(Proposal.id == proposal.id, Proposal.state == "asked").execute()  # fmt: skip
        worded = len(polished.wordings)
        audit.record(
            MACHINE, "answer", "wording", row_id=proposal.id, case_id=proposal.report.case_id, state=state,
            model=proposal.model, tokens_in=tokens_in, tokens_out=tokens_out, worded=worded,
            built_in=len(polished.suggestions) - worded,
        )  # fmt: skip


def suggestions(proposal: Proposal) -> list[Suggestion]:
    return msgspec.convert(proposal.suggestions, list[Suggestion])


# Accepting


def accept(proposal: Proposal, numbers: Collection[int] | None, *, by: Actor, now: datetime) -> Report:
    """Let the model's words stand in the report: those of these sentences, or all. The report is drafted with them."""
    offered = suggestions(proposal)
    chosen = [one for number, one in enumerate(offered, 1) if one.text and (numbers is None or number in numbers)]
    if not chosen:
        raise Refused("Choose at least one sentence.")
    with db.atomic():
        case = Case.get_by_id(proposal.report.case_id)
        if case.signed_at:
            raise Refused(records.SIGNED)
        wordings = [Wording(one.section, one.key, one.text, "model") for one in chosen]
        if len(applied(draft(case.facts()), wordings)) < len(wordings):
            raise Refused("The record changed since this was proposed, so it may not be true any more. Ask again.")
        for one in chosen:
            Reworded.create(
                case=case, section=one.section, key=one.key, built_in=one.built_in, text=one.text, author="model",
                proposal=proposal, at=now, by=by.person,
            )  # fmt: skip
        audit.record(by, "accept", "wording", row_id=proposal.id, case_id=case.id, sentences=len(chosen))
        return reports.draft(case, by=by, now=now)


def take_back(report: Report, section: str, key: str, *, by: Actor, now: datetime) -> Report:
    """Bring back the built-in words of a sentence. The wording stays in the history."""
    with db.atomic():
        case = Case.get_by_id(report.case_id)
        if case.signed_at:
            raise Refused(records.SIGNED)
        standing = standing_of(report).get((section, key))
        if standing is None:
            raise Refused("The built-in words stand there already.")
        Reworded.create(
            case=case, section=section, key=key, built_in=standing.built_in, text="", author="built-in", at=now,
            by=by.person,
        )  # fmt: skip
        audit.record(by, "take back", "wording", row_id=standing.id, case_id=case.id)
        return reports.draft(case, by=by, now=now)


def standing_of(report: Report) -> dict[tuple[str, str], Reworded]:
    """The rows behind the wordings that stand in a report, by section and key."""
    wanted = {(one.section, one.key): one for one in reports.wordings_of(report)}
    found: dict[tuple[str, str], Reworded] = {}
    for row in Reworded.select().where(Reworded.case == report.case_id).order_by(Reworded.id):
        one = wanted.get((row.section, row.key))
        if one and (one.text, one.author) == (row.text, row.author):
            found[row.section, row.key] = row
    return found
