"""A case against which no rule speaks, and the claim it comes to; both changed as the test wants."""

from __future__ import annotations

from datetime import date
from typing import Any

from msgspec.structs import replace

from practice import claims
from practice.cases import Facts
from practice.coding import PayerRule, code
from practice.edits import Edits, Limit
from practice.scrub import Billing, CaseForScrub, Credential, Finding, Order, Paper, Report, Signature, findings
from tests.practice import made_claims
from tests.practice.made_cases import COMMERCIAL, MEDICARE, at, made, presence, when

DAY = date(2026, 3, 17)
TODAY = date(2026, 3, 20)
CREDENTIALS = (
    Credential(person_name="Tess Tran", kind="CNIM", number="1001", until_on=date(2027, 1, 1), verified=True),
    Credential(person_name="Pia Park", kind="State license", number="IL-1", state="IL", verified=True),
    Credential(person_name="Pia Park", kind="Hospital privileges", facility="Mercy", verified=True),
)
SIGNED = Signature(name="Pia Park", at=when("12:00"), text_sha256="a" * 64, staff="P1")
FILES = Edits(
    on=DAY,
    dates=dict.fromkeys(("ptp", "mue", "addon", "rvu", "icd10"), date(2026, 1, 1)),
    limits={
        **{c: Limit(units=1, adjudication=3) for c in ("95938", "95939", "95861", "95822", "95925", "92653", "95955", "95860")},
        **{c: Limit(units=40, adjudication=3) for c in ("95940", "95941", "G0453")},
        "95870": Limit(units=4, adjudication=2),
    },
    primaries={
        c: frozenset({"95938", "95939", "95861", "95860", "95822", "95925", "95926"} | ({"92653"} if c != "G0453" else set()))
        for c in ("95940", "95941", "G0453")
    },
)  # fmt: skip
ALERT: dict[str, Any] = {
    "id": "AL1", "t": at("08:30"), "modality": "SSEP", "surgical_context": "distraction", "criterion": "50%", "src": "al1",
    "cause_suspected": "traction", "rows": [{"ref": "BL1", "side": "L", "change_pct": -60}],
    "communicated": [
        {"who": "surgeon", "t": at("08:30"), "mode": "verbal"},
        {"who": "interpreting physician", "t": at("08:31"), "mode": "chat"},
    ],
    "actions": [{"t": at("08:33"), "by": "surgeon", "text": "distraction released"}],
    "resolution": {"status": "resolved", "t": at("08:45")},
}  # fmt: skip
NOTES = [{"by": "P1", "t": at("08:40"), "text": "Signals seen, the line to the room was tried by phone"}]
EVENTS = [
    {"id": "EV1", "t": at("08:05"), "type": "incision", "text": "Incision", "src": "e1"},
    {"id": "EV2", "t": at("09:40"), "type": "closing", "text": "Needles counted out, raw data archived", "src": "e2"},
]


def log(*more: dict[str, Any], **changes: Any) -> list[dict[str, Any]]:
    return [presence("07:55", "09:36", notes=NOTES, **changes), *more]


def whole(**changes: Any) -> Facts:
    """The facts of a case in which nothing is missing."""
    return made(
        **{
            "modalities": [
                {"code": "SSEP", "region": region, "stim_ma": [20], "rec": ["C3-C4"], "src": f"m{n}"}
                for n, region in enumerate(("UL", "LL"), 1)
            ],
            "anesthesia": {"technique": "TIVA", "agents": [{"name": "Propofol", "dose": 100, "unit": "mcg/kg/min"}]},
            "physiology": [{"id": "PH1", "t": at("08:10"), "map_mmhg": 80, "temp_c": 36.5}],
            "events": EVENTS,
            "closing": {
                "t": at("09:35"), "overall": "at_baseline", "rows": [{"ref": f"BL{n}", "pct": 100} for n in range(1, 5)],
                "postop_exam": {"recorded": True, "t": at("10:30"), "text": "Moves all limbs", "by": "S. Sato", "new_deficit": False},
            },
            "staff__technologists": [
                {"id": "T1", "name": "Tess Tran", "cred": "CNIM", "on": at("06:30"), "off": at("10:00"), "src": "t1"}
            ],
            "physician_log": log(),
            **changes,
        }
    )  # fmt: skip


def clean(
    facts: Facts | None = None, *, payer: PayerRule | None = None, pos: str = "21", **changes: Any
) -> CaseForScrub:
    facts = facts or whole()
    rule = payer or replace(COMMERCIAL, filing_days=180)
    return CaseForScrub(
        **{
            "facts": facts, "coding": code(facts, rule=rule, pos=pos), "rule": rule, "pos": pos, "today": TODAY,
            "papers": tuple(Paper(kind=kind) for kind in ("order", "consent", "op_note", "anesthesia")),
            "credentials": CREDENTIALS, "signatures": (SIGNED,), "npis": {"P1": "1234567893"}, "interest": "none",
            "report": Report(sha256="a" * 64, approved=True, read_minutes=4),
            "order": Order(requested_by="Sam Sato, MD", requested_on=date(2026, 3, 1), surgeon_npi="1245319599"),
            "billing": Billing(
                authorization="A-1", group_number="G-1", member_id="M-1", in_network=True, npi="1999999984", tax_id="74-1234567"
            ),
            "edits": FILES, "diagnoses": {"M48.061": "billable"},
            **changes,
        }
    )  # fmt: skip


def medicare(**header: Any) -> CaseForScrub:
    """The same to Medicare, every minute exclusive."""
    facts = whole(header__payer_class="medicare", time__segments=[
        {"id": "S1", "start": at("08:00"), "end": at("09:35"), "mode": "remote_exclusive", "src": "seg-S1"}
    ], **header)  # fmt: skip
    return clean(facts, payer=replace(MEDICARE, filing_days=365))


def claim_of(case: CaseForScrub, **changed: Any) -> claims.Claim:
    """The claim the case comes to."""
    lines = tuple(
        claims.ClaimLine(
            key=f"L{n}", code=line.code, modifiers=line.modifiers, units=line.units, charge_cents=10000, from_on=DAY, pos=case.pos
        )
        for n, line in enumerate(case.coding.lines, 1)
    )  # fmt: skip
    return made_claims.claim(
        **{
            "lines": lines, "diagnoses": ("M48.061",), "rendering": replace(made_claims.READER, npi="1234567893"),
            "referring": replace(made_claims.SURGEON, npi="1245319599"), "signed_on": TODAY, **changed,
        }
    )  # fmt: skip


def claimed(case: CaseForScrub | None = None, **changed: Any) -> CaseForScrub:
    case = case or clean()
    return replace(case, claim=claim_of(case, **changed))


def line(code: str, *modifiers: str, units: int = 1, key: str = "", **changed: Any) -> claims.ClaimLine:
    return claims.ClaimLine(
        key=key or code, code=code, modifiers=modifiers, units=units, charge_cents=10000, from_on=DAY, **{"pos": "21", **changed}
    )  # fmt: skip


def billed(*lines: claims.ClaimLine, case: CaseForScrub | None = None) -> CaseForScrub:
    """The clean case with a claim of exactly these lines."""
    return claimed(case, lines=lines)


def of(case: CaseForScrub, rule: str) -> list[Finding]:
    return [finding for finding in findings(case) if finding.id == rule]


def only(case: CaseForScrub, rule: str) -> Finding:
    (found,) = of(case, rule)
    return found
