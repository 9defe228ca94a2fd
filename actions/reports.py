"""From draft to signature: drafting, the technologist's approval, the physician's impression, signature and addenda."""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec
import peewee as pw

from actions import MACHINE, Actor, Refused, audit, documents, jobs, ledger, passkeys, records, sessions, unbilled
from models import (
    SETTINGS,
    Addendum,
    Approval,
    Asked,
    Assignment,
    AuditEntry,
    Case,
    Document,
    Entry,
    Person,
    Report,
    Reworded,
    Signature,
    db,
    param,
)
from practice import cases as facts_of
from practice import drafting, placing, record, signing, similarity
from practice.cases import Facts, Physician
from practice.drafting import AddendumFact, Draft, SignatureFact
from practice.faithfulness import Checked, Checker, Finding
from practice.rewording import Wording, applied, reworded

if TYPE_CHECKING:
    from practice.pdf import Letterhead

UPDATED = "The report writer was updated since this was drafted."


def current(case: Case) -> Report | None:
    """The draft that counts, or the report that was signed."""
    return _CURRENT.row(case=case.id)


_CURRENT = Asked(lambda: Report.select().where(Report.case == param("case")).order_by(Report.id.desc()).limit(1))


def newest(cases: Sequence[Case]) -> dict[int, Report]:
    """The current report of each of these cases that has one, by the case's id."""
    last = Report.select(pw.fn.MAX(Report.id)).where(Report.case.in_([case.id for case in cases])).group_by(Report.case)
    return {report.case_id: report for report in Report.select().where(Report.id.in_(last))}


def draft(case: Case, *, by: Actor, now: datetime) -> Report:
    """Write the report of what the record says now. The same record gives the draft that is there."""
    with db.atomic():
        case = Case.get_by_id(case.id)
        if case.signed_at:
            raise Refused(records.SIGNED)
        report = current(case)
        facts = case.facts()
        built_in = drafting.draft(facts)
        wordings = applied(built_in, accepted(case))
        if report and wordings_of(report) == wordings and not stale(report, case):
            return report
        written_now = reworded(built_in, wordings)
        text = drafting.signable_text(written_now)
        report = Report.create(
            case=case,
            record_rev=case.record_rev,
            facts=msgspec.msgpack.encode(facts),
            layout=msgspec.msgpack.encode(written_now),
            text=text,
            text_sha256=signing.digest(text),
            wordings=[list(msgspec.structs.astuple(one)) for one in wordings],
            drafted_at=now,
            drafted_by=by.id,
        )
        audit.record(by, "draft", "report", row_id=report.id, case_id=case.id, text_sha256=report.text_sha256)
    return report


def stale(report: Report, case: Case) -> list[str]:
    """What changed in the record since this was drafted, in sentences. A signed report is never stale."""
    if case.signed_at:
        return []
    then, now = report.read_facts(), case.facts()
    if facts_of.digest(then) != facts_of.digest(now):
        return drafting.changes(then, now) or ["The record was corrected."]
    today = reworded(drafting.draft(then), wordings_of(report))
    return [] if drafting.signable_text(today) == report.text else [UPDATED]


def drafted(report: Report) -> Draft:
    """The report as it was drafted, wordings that people accepted included; a later writer changes nothing in it."""
    return msgspec.msgpack.decode(report.layout, type=Draft)


def written(report: Report) -> Draft:
    """The report with the signatures and addenda that it has by now."""
    case = report.case
    return drafting.finished(drafted(report), report.read_facts(), signature_facts(case), addendum_facts(case))


def wordings_of(report: Report) -> list[Wording]:
    """The wordings that stand in a report, kept with it so that its text can be made again."""
    return [Wording(*one) for one in report.wordings]


def accepted(case: Case) -> list[Wording]:
    """The wordings that count for a case, the newest first; one that was taken back brings back the built-in words."""
    rows = Reworded.select().where(Reworded.case == case.id).order_by(Reworded.id.desc())
    newest: dict[tuple[str, str], Reworded] = {}
    for row in rows:
        newest.setdefault((row.section, row.key), row)
    return [Wording(row.section, row.key, row.text, row.author) for row in newest.values() if row.text]


def signature_facts(case: Case) -> list[SignatureFact]:
    rows = Signature.select().where(Signature.case == case.id).order_by(Signature.at)
    return [
        SignatureFact(name=row.name, credentials=row.credentials, at=row.at, text_sha256=row.text_sha256)
        for row in rows
    ]


def addendum_facts(case: Case) -> list[AddendumFact]:
    rows = Addendum.select().where(Addendum.case == case.id).order_by(Addendum.number)
    return [
        AddendumFact(text=row.text, name=row.name, credentials=row.credentials, at=row.at, number=row.number)
        for row in rows
    ]


def edition(report: Report) -> str:
    """What a print of this report would show, as a key: it changes with each signature and addendum."""
    signatures = Signature.select().where(Signature.report == report.id).count()
    addenda = Addendum.select().where(Addendum.case == report.case_id).count() if signatures else 0
    return f"report:{report.id}:{signatures}:{addenda}"


def letterhead() -> Letterhead:
    """The practice as it stands on prints."""
    from practice.pdf import Letterhead  # brings weasyprint, which no web process loads

    return Letterhead(
        name=SETTINGS.practice_name, address_lines=SETTINGS.practice_address, phone=SETTINGS.practice_phone
    )


@dataclass(frozen=True)
class Printed:
    """One edition of a report as a PDF that is not kept yet."""

    report: Report
    edition: str
    pdf: bytes
    pages: int


def printed(report: Report) -> Printed:
    """Print what the report is by now. Slow: for the worker and for commands."""
    from pypdf import PdfReader

    from practice.pdf import report_pdf

    made_from = edition(report)
    pdf = report_pdf(written(report), letterhead=letterhead())
    return Printed(report=report, edition=made_from, pdf=pdf, pages=len(PdfReader(io.BytesIO(pdf)).pages))


def kept(report: Report) -> Document | None:
    """The PDF of what the report is by now, if it was made."""
    return Document.get_or_none(Document.case == report.case_id, Document.made_from == edition(report))


def keep(print_: Printed, *, now: datetime) -> Document:
    """Keep a print, unless somebody kept the same edition meanwhile."""
    with db.atomic():
        case = print_.report.case
        there = Document.get_or_none(Document.case == case.id, Document.made_from == print_.edition)
        signed = print_.report.signatures.exists()
        return there or documents.store(
            print_.pdf, case=case, kind="report" if signed else "report_draft",
            title="Signed report" if signed else "Draft of the report", pages=print_.pages,
            made_from=print_.edition, by=MACHINE, now=now,
        )  # fmt: skip


def freeze(report: Report) -> Document:
    """The kept PDF of a report, made now when the worker has not come to it. Slow, like `printed`."""
    return kept(report) or keep(printed(report), now=datetime.now(UTC))


def ask_for_pdf(report: Report, *, now: datetime) -> None:
    """Have the worker print this edition of the report."""
    jobs.ask("report_pdf", f"pdf:{edition(report)}", report.id, due_at=now)


def print_again(report: Report, *, by: Actor, now: datetime) -> None:
    """Somebody wants the PDF: ask the worker for it, unless it is there or being made."""
    with db.atomic():
        ask_for_pdf(report, now=now)
        audit.record(by, "print", "report", row_id=report.id, case_id=report.case_id)


# Faithfulness


@lru_cache(maxsize=8)
def checker(facts: bytes) -> Checker:
    """The checker of one record, kept warm: it answers in milliseconds while somebody types."""
    read = msgspec.msgpack.decode(facts, type=Facts)
    return Checker(read, drafting.draft(read))


@lru_cache(maxsize=8)
def _without_impression(facts: bytes) -> Checker:
    read = msgspec.structs.replace(msgspec.msgpack.decode(facts, type=Facts), impression=None)
    return Checker(read, drafting.draft(read))


def checked(report: Report) -> Checked:
    """What the report says and its record does not. The physician's impression is weighed against the rest of it."""
    facts, mine = bytes(report.facts), report.read_facts().impression
    return _with_impression(report, mine.text) if mine else checker(facts).check(report.text)


def _with_impression(report: Report, mine: str) -> Checked:
    """An impression is no source of its own words, so the record is taken without it, and the text in two parts."""
    section = report.text.rfind(_HEADING)
    at = report.text.find(mine, section)
    if min(section, at) < 0:
        return checker(bytes(report.facts)).check(report.text)
    last = report.text.find("\n", report.text.find("\n\n", at + len(mine)) + 2)  # the line that says whose it is
    rest = report.text[:at] + re.sub(r"[^\n]", " ", report.text[at:last]) + report.text[last:]
    found = _without_impression(bytes(report.facts)).check(rest)
    kept = [
        one
        for one in found.findings
        if one.kind != "stale" and not (one.kind == "omission" and one.section in ("impression", "provenance"))
        and one.section != "provenance"
    ]  # fmt: skip
    own = [
        msgspec.structs.replace(one, start=one.start + at, end=one.end + at)
        for one in impression_findings(bytes(report.facts), mine)
    ]
    return msgspec.structs.replace(found, text=report.text, findings=(*kept, *own))


_HEADING = "11. Impression\n"


def impression_findings(facts: bytes, text: str) -> list[Finding]:
    """What an impression says and the record does not, from its start. It may leave out what stands elsewhere."""
    found = _without_impression(facts).check(_HEADING + text).findings
    return [
        msgspec.structs.replace(one, start=one.start - len(_HEADING), end=one.end - len(_HEADING))
        for one in found
        if one.kind != "omission"
    ]


def _unfaithful(report: Report) -> list[str]:
    """The red findings of a report, in sentences; they stop its approval and its signature."""
    red = [one for one in checked(report).findings if one.grade == "red"]
    return list(dict.fromkeys(told(one) for one in red))


def told(finding: Finding) -> str:
    """A finding in one sentence, with the words it is about."""
    return f"“{finding.text}”: {finding.message}" if finding.text else finding.message


COMPARED = 50
"""Signed reports of the practice that a new one is compared with."""


def alike(report: Report) -> tuple[Report, float] | None:
    """The recently signed report whose findings read like this one's, and how much; None once somebody wrote of this case."""
    by_people = any(one.author in ("technologist", "physician") for one in wordings_of(report))
    if by_people or report.read_facts().impression:
        return None
    recent = (
        Case.select(Case.id)
        .where(Case.signed_at.is_null(False), Case.id != report.case_id)
        .order_by(Case.signed_at.desc())
        .limit(COMPARED)
    )
    others = list(newest(list(recent)).values())
    found = similarity.alike(report.text, [one.text for one in others])
    return (others[found[0]], found[1]) if found else None


# What changed since somebody looked


def last_looks(cases: Sequence[Case], person: Person) -> dict[int, int]:
    """The newest report of each case that this person opened, by the case's id: the audit trail knows."""
    rows = (
        AuditEntry.select(AuditEntry.case_id, pw.fn.MAX(AuditEntry.row_id))
        .where(
            AuditEntry.case_id.in_([case.id for case in cases]), AuditEntry.actor == person.id,
            AuditEntry.action == "view", AuditEntry.noun == "report",
        )
        .group_by(AuditEntry.case_id)
        .tuples()
    )  # fmt: skip
    return {case_id: report_id for case_id, report_id in rows if report_id}


def changes_since(report: Report, seen: int | None, person: Person) -> list[str]:
    """What changed in a report since the one this person saw last, in sentences; their own changes are no news."""
    if seen is None or seen == report.id or report.drafted_by == person.id:
        return []
    then = Report.get_or_none(Report.id == seen, Report.case == report.case_id)
    if then is None:
        return []
    changed = drafting.changes(then.read_facts(), report.read_facts())
    before, after = ([one.text for one in wordings_of(row)] for row in (then, report))
    changed += [f"Now in other words: {text}" for text in after if text not in before]
    changed += [f"No longer in these words: {text}" for text in before if text not in after]
    return changed


# Approval


def approval_of(report: Report) -> Approval | None:
    """The technologist's approval of what this report says. The physician's impression does not undo it."""
    return _standing(report, _APPROVED.rows(case=report.case_id))


_APPROVED = Asked(lambda: Approval.select().join(Report).where(Report.case == param("case")).order_by(Approval.id))


def approvals_of(written: Sequence[Report]) -> dict[int, Approval]:
    """The approval of each report that has one, by the report's id: of itself, or of one that says the same."""
    rows = (
        Approval.select(Approval, Report, Person)
        .join(Report)
        .switch(Approval)
        .join(Person)
        .where(Report.case.in_([report.case_id for report in written]))
        .order_by(Approval.id)
    )
    given: dict[int, list[Approval]] = {}
    for row in rows:
        given.setdefault(row.report.case_id, []).append(row)
    found = ((report, _standing(report, given.get(report.case_id, []))) for report in written)
    return {report.id: approval for report, approval in found if approval}


def _standing(report: Report, given: list[Approval]) -> Approval | None:
    """The newest of the case's approvals that covers what this report says."""
    if own := [row for row in given if row.report_id == report.id]:
        return own[-1]
    said = _approved(report) if given else None
    return next((row for row in reversed(given) if _approved(row.report) == said), None)


def _approved(report: Report) -> tuple[str, list[Wording]]:
    """What an approval covers: the record and its wording, the impression left out, which is the physician's."""
    wordings = [one for one in wordings_of(report) if one.section != "impression"]
    return signing.record_digest(report.read_facts()), wordings


def may_approve(case: Case, person: Person) -> bool:
    """A technologist of the case, or an owner who is a technologist."""
    return person.has("technologist") and (person.has("owner") or _assigned(case, person, "technologist"))


def _assigned(case: Case, person: Person, role: str) -> bool:
    return (
        Assignment.select()
        .where(Assignment.case == case.id, Assignment.person == person.id, Assignment.role == role)
        .exists()
    )


def objections_to_approval(report: Report, case: Case, person: Person) -> list[str]:
    """Why the report cannot be approved by this person now; empty means that it can."""
    if case.signed_at:
        return [records.SIGNED]
    if not may_approve(case, person):
        return ["A technologist of this case approves its report."]
    if approval_of(report):
        return ["This report is approved already."]
    found = [*_staleness(report, case), *_unfaithful(report), *signing.open_gaps(report.read_facts())]
    if case.closed_at is None:
        found.insert(0, "The record is still open. Close the case first.")
    return found


def _staleness(report: Report, case: Case) -> list[str]:
    last = current(case)
    if last and last.id != report.id:
        return ["There is a newer draft. Open it and read it first."]
    changed = stale(report, case)
    return (
        ["The record changed after this was drafted. Draft the report again and read it.", *changed] if changed else []
    )


def approve(report: Report, *, by: Actor, now: datetime) -> Approval:
    """The technologist says that the report says what happened."""
    with db.atomic():
        case = Case.get_by_id(report.case_id)
        if reasons := objections_to_approval(report, case, by.person):
            raise Refused(*reasons)
        approval = Approval.create(report=report, by=by.person, at=now)
        audit.record(by, "approve", "report", row_id=report.id, case_id=case.id)
    return approval


# Impression


def may_sign(case: Case, person: Person) -> bool:
    """A physician who is on the case as a physician; no other role signs for one."""
    return person.has("physician") and _assigned(case, person, "physician")


def physician_of(case: Case, facts: Facts, person: Person) -> Physician | None:
    """Who this person is among the physicians of the record: by the entry's person, else by name."""
    rows = Entry.select().where(Entry.case == case.id, Entry.kind == "staff")
    ids = {row.client_id: row.as_entry().data.person for row in rows}
    known = [one for one in facts.staff.physicians if ids.get(one.src) == person.id]
    names = (person.name, person.signing_name)
    return next(iter([*known, *(one for one in facts.staff.physicians if one.name in names)]), None)


def impress(case: Case, *, text: str, by: Actor, now: datetime) -> Report:
    """Keep the physician's impression, confirmed or in their own words, in the record, and draft the report with it."""
    if not may_sign(case, by.person):
        raise Refused("The interpreting physician of this case writes the impression.")
    if not text.strip():
        raise Refused("Write the impression, or keep the drafted one.")
    with db.atomic():
        facts = case.facts()
        me = physician_of(case, facts, by.person)
        if me is None:
            raise Refused(_UNKNOWN)
        data = record.Impression(by=me.id, text=text.strip().replace("\r\n", "\n"))
        there = facts.impression
        if there is None or (there.text, there.by) != (data.text, data.by):
            found = impression_findings(msgspec.msgpack.encode(facts), data.text)
            if red := [one for one in found if one.grade == "red"]:
                raise Refused(*dict.fromkeys(told(one) for one in red))
            entry = record.Entry(
                client_id=str(uuid.uuid4()), at=now, data=data, entered_at=now, replaces=there.src if there else None
            )
            records.append(case, [entry], by=by, now=now)
        return draft(case, by=by, now=now)


_UNKNOWN = "The record does not name you among its physicians. Correct the name in the record, or add yourself there."


# Signature


def objections_to_signing(report: Report, case: Case, person: Person) -> list[str]:
    """Why this person cannot sign the report now, before the review; empty means that they can."""
    if not may_sign(case, person):
        return ["Only a physician who is on this case can sign its report. Nobody can sign for them."]
    if Signature.select().where(Signature.report == report.id, Signature.by == person.id).exists():
        return ["You signed this report already. What is to be added goes into an addendum."]
    facts = report.read_facts()
    found = _staleness(report, case)
    if not approval_of(report):
        found.append("The technologist has not approved this report yet.")
    me = physician_of(case, facts, person)
    if me is None:
        found.append(_UNKNOWN)
    elif not signing.connected(facts, me.id):
        found.append("The record does not say when you were connected. Add it to the record first.")
    found += _unfaithful(report)
    found += signing.gaps(facts)
    if facts.impression is None:
        found.append("Confirm the impression first.")
    return found


def signing_purpose(report: Report) -> str:
    """What a passkey's challenge is for: this very text and no other."""
    return f"sign:{report.id}:{report.text_sha256}"


def sign(
    report: Report, *, password: str = "", passkey: tuple[str, passkeys.Site] | None = None,
    confirmed: Collection[str], missing_read: bool, by: Actor, now: datetime,
) -> Signature:  # fmt: skip
    """The physician signs the exact text, with the password or a passkey. The case is frozen with the first signature."""
    facts = report.read_facts()
    reasons = objections_to_signing(report, Case.get_by_id(report.case_id), by.person)
    reasons += signing.unconfirmed(facts, confirmed)
    if not missing_read:
        reasons.append("Read the list of what is missing, and say that you did.")
    if reasons:
        raise Refused(*reasons)
    if passkey:  # outside the transaction, both: what was tried counts even when refused
        passkeys.confirm(signing_purpose(report), credential=passkey[0], by=by, site=passkey[1], now=now)
    else:
        sessions.confirm_password(by=by, password=password, now=now)
    with db.atomic():
        case = Case.get_by_id(report.case_id)
        if reasons := objections_to_signing(report, case, by.person):
            raise Refused(*reasons)
        signature = Signature.create(
            report=report, case=case, by=by.person, name=by.person.name, credentials=by.person.credentials, at=now,
            text_sha256=signing.digest(report.text),
        )  # fmt: skip
        if case.signed_at is None:
            ledger.keep(case, by=by, now=now)
            Case.update(signed_at=now).where(Case.id == case.id).execute()
            unbilled.note(case, now=now)
        ask_for_pdf(report, now=now)
        audit.record(
            by, "sign", "report", row_id=report.id, case_id=case.id, text_sha256=signature.text_sha256,
            confirmed=sorted(confirmed), means="passkey" if passkey else "password",
        )  # fmt: skip
    return signature


def correctable(report: Report) -> dict[int, tuple[str, str]]:
    """Each sentence and row of a report by its number: what it is called, and what it says."""
    called = placing.labels(drafted(report))
    return {
        number: (label[0].upper() + label[1:], one.text if hasattr(one, "text") else " · ".join(one.cells))
        for number, (one, label) in enumerate(called, 1)
    }


def _corrected(case: Case, number: int) -> str:
    said = correctable(current(case)).get(number)
    if said is None:
        raise Refused("Choose a sentence of the report.")
    return f"Corrects {said[0][0].lower()}{said[0][1:]}: “{said[1]}”\n"


def addend(
    case: Case, *, text: str, password: str, corrects: int | None = None, by: Actor, now: datetime
) -> Addendum:  # fmt: skip
    """Add to a signed report, signed the same way, and name the sentence it corrects. What was signed stays as it is."""
    text = text.strip().replace("\r\n", "\n")
    if case.signed_at is None:
        raise Refused("The report is not signed yet. Change the record and draft it again.")
    if not may_sign(case, by.person):
        raise Refused("Only a physician who is on this case can add to its report.")
    if not text:
        raise Refused("Write what is to be added.")
    if corrects is not None:
        text = _corrected(case, corrects) + text
    sessions.confirm_password(by=by, password=password, now=now)
    with db.atomic():
        last = Addendum.select(pw.fn.MAX(Addendum.number)).where(Addendum.case == case.id).scalar() or 0
        addendum = Addendum.create(
            case=case, number=last + 1, text=text, by=by.person, name=by.person.name,
            credentials=by.person.credentials, at=now, text_sha256=signing.digest(text),
        )  # fmt: skip
        ask_for_pdf(current(case), now=now)
        audit.record(
            by, "addend", "report", row_id=addendum.id, case_id=case.id, text_sha256=addendum.text_sha256
        )  # fmt: skip
    return addendum
