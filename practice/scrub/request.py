"""Who asked for monitoring, of whom and why: the order, the need, the diagnosis, the patient, the authorization."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..coding import DEMANDS
from ..identifiers import is_npi
from .given import CaseForScrub
from .rules import HOUSE, S11, S13, S14, S20, Said, absent, incomplete, rule, unchecked

_SPINE = re.compile(r"spin|fusion|lamin|discect|corpect|acdf|tlif|plif|alif|xlif|llif|scolio|kypho|pedicle", re.I)
_LEVEL = re.compile(r"\b[CTLS]\d{1,2}\b")
_ICD = re.compile(r"[A-Z]\d[0-9A-Z](\.?[0-9A-Z]{1,4})?", re.I)
_NO_AUTHORIZATION = ("medicare", "self_pay")


@rule("DOC-01", "block", "Is there the surgeon's request, with name, NPI and date?", S11)
def _request(case: CaseForScrub) -> Iterator[Said]:
    order, by, paper = case.order, case.order.requested_by or case.facts.header.requested_by, case.has_paper("order")
    if not by and not paper:
        yield Said("block", "Nobody is recorded as having requested monitoring: add the surgeon's order.", "case#order")
        return
    if not paper:
        yield Said("warn", f"The order of {by} is not on file: add it as a document.", "case#documents")
    if not by:
        yield Said("warn", "The order is on file, but not who gave it: add the name.", "case#order")
    if order.requested_on is None:
        yield Said("warn", "The date of the order is not recorded: add it.", "case#order")
    elif case.day and order.requested_on > case.day:
        yield Said("error", "The order is dated after the day of service: correct it or give the reason.", "case#order")
    if not order.surgeon_npi:
        yield Said("warn", "The surgeon's NPI is not on file: add it to the surgeon.", "case#surgeon")
    elif not is_npi(order.surgeon_npi):
        yield Said("error", "The surgeon's NPI fails its check digit: correct it.", "case#surgeon")


@rule("DOC-02", "block", "Is it said what was at risk and why it was monitored?", S14)
def _necessity(case: CaseForScrub) -> Iterator[Said]:
    header = case.facts.header
    if not header.indication:
        yield Said("block", "The indication is missing: write which structure was at risk and why.", "case#indication")
    if not header.structures_at_risk:
        yield Said("warn", "The structures at risk are not listed: name them.", "case#structures-at-risk")


@rule("DOC-03", "block", "Has the case its diagnoses as ICD-10 codes?", "ICD-10-CM, April 2026 edition")
def _diagnosis(case: CaseForScrub) -> Iterator[Said]:
    yield from incomplete(case, "header.diagnosis")
    for one in case.facts.header.diagnosis:
        if one.icd10 and not _ICD.fullmatch(one.icd10.strip()):
            said = f"{one.icd10} has not the form of an ICD-10 code, such as M48.061: correct it."
            yield Said("block", said, "case#diagnosis")


@rule("DOC-04", "error", "Is the operation described: what was done, at which levels?", HOUSE)
def _operation(case: CaseForScrub) -> Iterator[Said]:
    yield from incomplete(case, "header.procedure.", severity="error")
    done = case.facts.header.procedure
    if done.text and _SPINE.search(done.text) and not done.levels and not _LEVEL.search(done.text):
        yield Said("warn", "The levels of the operation are not recorded: add them as the surgeon has them.", "case#procedure-levels")  # fmt: skip


@rule("DOC-05", "block", "Do two identifiers name the patient, and are facility, room and day recorded?", HOUSE)
def _identity(case: CaseForScrub) -> Iterator[Said]:
    yield from incomplete(case, "header.patient.", "header.facility.", "header.date_of_service")
    if not case.facts.header.facility.or_room:
        yield Said("warn", "The operating room is not recorded: add it.", "case#facility-or_room")
    if not case.facts.header.patient.encounter:
        yield Said("warn", "The account or encounter number is not recorded: add it.", "case#patient-encounter")


@rule("DOC-06", "error", "Is there an authorization, or who said that none is needed?", S20)
def _authorization(case: CaseForScrub) -> Iterator[Said]:
    number = case.billing.authorization or (case.claim.authorization if case.claim else "")
    if number or case.billing.authorization_waived or case.facts.header.payer_class in (*_NO_AUTHORIZATION, None):
        return
    wanted = case.rule is not None and "authorization" in case.rule.demands
    said = "No authorization number is recorded, and not who said that none is needed: write one of them down."
    yield Said("error" if wanted else "warn", said, "billing#authorization")


@rule("DOC-07", "warn", "Did the patient agree to monitoring by somebody who is not in the room?", S13)
def _consent(case: CaseForScrub) -> Iterator[Said]:
    remote = any(segment.mode != "in_room" for segment in case.facts.time.segments)
    if remote and not case.has_paper("consent") and "consent" not in case.words():
        yield Said("warn", "The patient's consent is not on file: add it as a document.", "case#documents")


@rule("V42", "warn", "Do the levels and sides tested belong to the operation?", "product reference C16, 24")
def _same_place(case: CaseForScrub) -> Iterator[Said]:
    """Only what can be compared: levels of screw tests within the levels operated on, widened by one on each side."""
    done = case.facts.header.procedure
    levels = set(_LEVEL.findall(" ".join([*done.levels, done.text]).upper()))
    if levels:
        ranks = [_rank(level) for level in levels]
        for test in case.facts.stim_tests:
            for level in _LEVEL.findall((test.level or "").upper()):
                if not min(ranks) - 1 <= _rank(level) <= max(ranks) + 1:
                    said = f"A screw was tested at {level}, and the operation is said to be at {', '.join(sorted(levels, key=_rank))}: correct one of them."
                    yield Said("warn", said, f"record#entry-{test.src}" if test.src else "record#stim_tests", test.src)
    if done.side in ("L", "R"):
        wrong = [test for test in case.facts.stim_tests if test.side in ("L", "R") and test.side != done.side]
        if wrong and len(wrong) == len(case.facts.stim_tests):
            said = "Every stimulation test is on the other side than the operation: correct one of them."
            yield Said("warn", said, "record#stim_tests", wrong[0].src)


def _rank(level: str) -> int:
    """Vertebrae counted from the top: C1 is 1, T1 8, L1 20, S1 25."""
    return {"C": 0, "T": 7, "L": 19, "S": 24}[level[0]] + int(level[1:])


@rule(
    "V24",
    "block",
    "Is each diagnosis a valid code of the day, and is everything there that this payer asks for?",
    "billing reference 12, 5 and 7.1",
)
def _supported(case: CaseForScrub) -> Iterator[Said]:
    unknown = []
    for code, state in case.diagnoses.items():
        if state == "header":
            yield Said("block", f"{code} is not specific enough to bill: choose a code below it.", "billing#diagnosis")
        elif state == "not_valid":
            yield Said("block", f"{code} is no valid diagnosis code on the day of service: correct it.", "billing#diagnosis")  # fmt: skip
        elif state is None:
            unknown.append(code)
    if unknown:
        yield unchecked(
            f"whether {', '.join(unknown)} can be billed on the day", "Import the ICD-10-CM table.", "tables"
        )
    if case.rule:
        wanted = case.rule.diagnoses
        if wanted and case.diagnoses and not any(code.startswith(wanted) for code in case.diagnoses):
            said = f"This payer pays for none of {', '.join(case.diagnoses)}: its list has {', '.join(wanted)}."
            yield Said(
                "error", f"{said} Add the diagnosis that the record supports, if there is one.", "billing#diagnosis"
            )
        for name in case.rule.demands:
            if (demand := DEMANDS.get(name)) and demand.kind == "field" and not _filled(case, name):
                yield Said("error", f"This payer asks for it and it is missing: {demand.label}. Add it to the claim.", "billing")  # fmt: skip


def _filled(case: CaseForScrub, name: str) -> bool:
    billing = case.billing
    return {
        "authorization": bool(billing.authorization or billing.authorization_waived),
        "referral_number": bool(billing.referral_number),
        "group_number": bool(billing.group_number),
        "admission": bool(billing.admitted_on) or case.pos != "21",
        "accident": billing.accident,
    }.get(name, False)


@rule("REC-01", "block", "Does the record hold everything else a claim needs?", "completeness list of the record")
def _rest(case: CaseForScrub) -> Iterator[Said]:
    """What completeness asks for a claim and no other rule says."""
    others = (
        "header.requested_by", "header.indication", "header.patient.", "header.facility.", "header.date_of_service",
        "header.diagnosis", "header.procedure.", "staff.", "physician_log", "baselines", "time.segments", "alerts", "modalities",
        "conflicts", "closing", "stim_tests",
    )  # fmt: skip
    for item in case.missing:
        if item.severity == "block_claim" and not item.field.startswith(others):
            yield absent(item, "block")
