"""A person's own words for a sentence of a draft: who may write them, what they are checked for, and their history.

The built-in words stay behind them and come back in one tap. What the record does not say is refused, red by red.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from actions import Actor, Refused, audit, records, reports, wording
from models import Case, Person, Report, Reworded, db
from practice import drafting, placing, rewording
from practice.faithfulness import Finding
from practice.report import Author, Sentence
from practice.rewording import Wording

LONGEST = 1000
APP = "Tables, times and attestations are always the app's own. Correct the record instead."


@dataclass(frozen=True)
class Editable:
    """A sentence that may be put in other words, and what the built-in writer says there."""

    number: int
    section: str
    key: str
    said: Sentence
    built_in: str
    label: str


def sentence(report: Report, number: int) -> Editable | None:
    """The sentence with this number, when it is one that people may word."""
    draft = reports.drafted(report)
    said = next((one for at, (_, one) in enumerate(drafting.sentences(draft), 1) if at == number), None)
    section = next((section for section, one in placing.prose(draft) if one is said), None)
    if section is None or (section == "impression" and report.read_facts().impression):
        return None
    standing = wording.standing_of(report).values()
    row = next((row for row in standing if row.section == section and row.text == said.text), None)
    if row and said.author != "built-in":
        key, built_in = row.key, row.built_in
    else:
        key, built_in = rewording.key(section, [said]), said.text
    label = next(label for one, label in placing.labels(draft) if one is said)
    return Editable(number, section, key, said, built_in, label)


def history(report: Report, one: Editable) -> list[Reworded]:
    """Every wording this sentence had, the oldest first; empty words mean that the built-in ones came back."""
    same = (Reworded.case == report.case_id) & (Reworded.section == one.section) & (Reworded.key == one.key)
    return list(Reworded.select().where(same).order_by(Reworded.id))


def author(report: Report, case: Case, person: Person) -> Author | None:
    """As who this person may write now: the technologist until the approval, the physician until the signature."""
    last = reports.current(case)
    if case.signed_at or last is None or last.id != report.id:
        return None
    if reports.may_sign(case, person):
        return "physician"
    return "technologist" if reports.may_approve(case, person) and not reports.approval_of(report) else None


def tidied(text: str, said: Sentence) -> str:
    """One line, ended as the sentence it stands for."""
    text = " ".join(text.split())
    return text if not text or text[-1] in ".;!?" else text + (said.text[-1] if said.text[-1] in ".;" else ".")


def weighed(report: Report, one: Editable, text: str) -> list[Finding]:
    """What the checker finds of these words in their place, from their start; and what would be left out by them."""
    checker = reports.checker(bytes(report.facts))
    others = [other for other in reports.wordings_of(report) if (other.section, other.key) != (one.section, one.key)]
    mine = [] if text == one.built_in else [Wording(one.section, one.key, text, "technologist")]
    draft = rewording.reworded(checker.builtin, [*mine, *others])
    plain = drafting.signable_text(draft)
    place = next(at for at in placing.places(draft, plain) if at.number == one.number)
    before = {(found.kind, found.message) for found in reports.checked(report).findings}
    found = []
    for finding in checker.check(plain).findings:
        if finding.kind == "omission":
            if (finding.kind, finding.message) not in before:
                found.append(msgspec.structs.replace(finding, start=0, end=0))
        elif place.start <= finding.start and finding.end <= place.end:
            start, end = finding.start - place.start, finding.end - place.start
            found.append(msgspec.structs.replace(finding, start=start, end=end))
    return found


def value(finding: Finding, text: str) -> str | None:
    """The record's value for what was found wrong, written like the word it replaces; None when there is none to take."""
    if finding.grade != "red" or finding.kind != "contradiction" or not finding.mend:
        return None
    wrong = text[finding.start : finding.end]
    right = finding.mend[0].upper() + finding.mend[1:] if wrong[:1].isupper() else finding.mend
    return right if right.lower() != wrong.lower() else None


def mended(finding: Finding, text: str) -> str:
    """The text with the record's value where the wrong one stands."""
    return text[: finding.start] + (value(finding, text) or "") + text[finding.end :]


def write(report: Report, one: Editable, *, text: str, by: Actor, now: datetime) -> Report:
    """Let a person's words stand for a sentence, and draft the report with them. Red findings refuse it."""
    text = tidied(text, one.said)
    if not text:
        raise Refused("Write the sentence, or take the built-in one.")
    if len(text) > LONGEST:
        raise Refused(f"A sentence has at most {LONGEST} characters.")
    with db.atomic():
        case = Case.get_by_id(report.case_id)
        role = _may_write(report, case, by)
        if text == one.said.text:
            return report
        if red := [finding for finding in weighed(report, one, text) if finding.grade == "red"]:
            raise Refused(*dict.fromkeys(reports.told(finding) for finding in red))
        if text == one.built_in:
            return wording.take_back(report, one.section, one.key, by=by, now=now)
        row = Reworded.create(
            case=case, section=one.section, key=one.key, built_in=one.built_in, text=text, author=role, at=now,
            by=by.person,
        )  # fmt: skip
        audit.record(by, "write", "wording", row_id=row.id, case_id=case.id)
        return reports.draft(case, by=by, now=now)


def _may_write(report: Report, case: Case, by: Actor) -> Author:
    if case.signed_at:
        raise Refused(records.SIGNED)
    role = author(report, case, by.person)
    if role is None:
        raise Refused("The technologist words the report until it is approved, the physician until it is signed.")
    if changed := reports.stale(report, case):
        raise Refused("The record changed after this was drafted. Draft the report again first.", *changed)
    return role


@dataclass(frozen=True)
class Standing:
    """A finding that stands in a draft, at its sentence, with what mends it in one tap."""

    index: int
    finding: Finding
    number: int | None
    label: str
    words: str
    """The sentence with the record's value; empty when there is none to take."""
    key: tuple[str, str] | None
    """Section and key of the wording to take back, when it is not the built-in writer's sentence."""

    editable: bool
    impression: bool
    """It stands in the physician's own impression, which has a form of its own."""

    @property
    def told(self) -> str:
        return reports.told(self.finding)


def standing(report: Report, draft: drafting.Draft) -> list[Standing]:
    """Everything the checker finds in a draft, each at its place: red first, then amber."""
    checked = reports.checked(report)
    if not checked.findings:
        return []
    found, called = placing.places(draft, checked.text), dict(_by_id(placing.labels(draft)))
    worded = {(row.section, row.text): row.key for row in wording.standing_of(report).values()}
    prose = {id(one): section for section, one in placing.prose(draft)}
    owned = report.read_facts().impression is not None
    out = []
    for finding in sorted(checked.findings, key=lambda one: (one.grade != "red", one.start)):
        place = placing.holding(found, finding.start)
        said = place.said if place else None
        section = prose.get(id(said))
        impression = owned and section == "impression"
        key = worded.get((section, said.text)) if section else None
        out.append(
            Standing(
                index=len(out) + 1, finding=finding, number=place.number if place else None,
                label=called.get(id(said), ""), words=_right(finding, place) if section and not impression else "",
                key=(section, key) if section and key and said.author != "built-in" else None,
                editable=bool(section) and not impression, impression=impression,
            )
        )  # fmt: skip
    return out


def _by_id(pairs: Sequence) -> list[tuple[int, str]]:
    return [(id(one), label) for one, label in pairs]


def _right(finding: Finding, place: placing.Place) -> str:
    """The sentence with the record's value in it."""
    if not place.start <= finding.start <= finding.end <= place.end:
        return ""
    inside = msgspec.structs.replace(finding, start=finding.start - place.start, end=finding.end - place.start)
    return mended(inside, place.said.text) if value(inside, place.said.text) else ""
