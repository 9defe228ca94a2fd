"""Facts made for a test: a plain remote case of 95 minutes with arms and legs tested, changed as the test wants."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from practice.cases import Facts
from practice.coding import PayerRule, default_rules

RULES = {rule.payer_class: rule for rule in default_rules()}
COMMERCIAL: PayerRule = RULES["commercial"]
MEDICARE: PayerRule = RULES["medicare"]


def at(clock: str, day: str = "2026-03-17") -> str:
    return f"{day}T{clock}:00-05:00"


def when(clock: str) -> datetime:
    return datetime.fromisoformat(at(clock))


def ssep(*rows: tuple[str, str, str]) -> list[dict[str, Any]]:
    """Baseline rows as (side, nerve, quality)."""
    return [
        {
            "id": f"BL{n}",
            "modality": "SSEP",
            "side": side,
            "site": site,
            "quality": quality,
            "amp_uv": 1.5,
            "src": f"b{n}",
        }
        for n, (side, site, quality) in enumerate(rows, 1)
    ]


ARMS_AND_LEGS = ssep(
    ("L", "ulnar", "good"), ("R", "ulnar", "good"), ("L", "posterior tibial", "good"), ("R", "posterior tibial", "good")
)


def segment(start: str, end: str | None, mode: str = "remote", id: str = "S1") -> dict[str, Any]:
    return {"id": id, "start": at(start), "end": at(end) if end else None, "mode": mode, "src": f"seg-{id}"}


def presence(start: str | None, end: str | None, physician: str = "P1", **more: Any) -> dict[str, Any]:
    row = {
        "physician": physician,
        "connect": at(start) if start else None,
        "disconnect": at(end) if end else None,
        "method": "remote desktop",
        "src": f"on-{physician}-{start}",
        "concurrency": [{"from": at(start or "08:00"), "to": at(end or "12:00"), "n": 1}],
    }
    return {**row, **more}


def made(**changes: Any) -> Facts:
    """A whole case; a keyword replaces a top-level part, `header__x` a part of the header, and so on."""
    body: dict[str, Any] = {
        "id": "C1",
        "tz": "America/Chicago",
        "status": "completed",
        "synthetic": True,
        "header": {
            "date_of_service": "2026-03-17",
            "facility": {"name": "Mercy", "state": "IL", "or_room": "OR 4"},
            "patient": {
                "name": "TESTPATIENT, QUINN",
                "mrn": "SYN-1",
                "dob": "1970-04-02",
                "sex": "F",
                "encounter": "E-1",
            },
            "payer_class": "commercial",
            "surgeon": "Sam Sato, MD",
            "anesthesia": "R. Okafor, MD",
            "requested_by": "Sam Sato, MD",
            "procedure": {"text": "Lumbar fusion L4-L5", "cpt": ["22612"], "position": "prone"},
            "diagnosis": [{"text": "Spinal stenosis", "icd10": "M48.061"}],
            "indication": "Nerve roots at risk",
            "structures_at_risk": ["L4-S1 nerve roots"],
            "preop_exam": "Normal strength",
        },
        "staff": {
            "technologists": [{"id": "T1", "name": "Tess Tran", "cred": "CNIM", "src": "t1"}],
            "physicians": [{"id": "P1", "name": "Pia Park, MD", "src": "p1"}],
        },
        "modalities": [{"code": "SSEP", "region": "UL", "src": "m1"}, {"code": "SSEP", "region": "LL", "src": "m2"}],
        "alert_criteria": {"SSEP": "50% amplitude decrease"},
        "baselines": {
            "sets": [
                {
                    "start": at("07:40"),
                    "end": at("08:00"),
                    "reviewed_by": "P1",
                    "reviewed_at": at("08:01"),
                    "src": "set1",
                }
            ],
            "rows": ARMS_AND_LEGS,
        },
        "time": {
            "tech_arrive": at("06:30"),
            "setup_start": at("07:00"),
            "setup_end": at("07:40"),
            "segments": [segment("08:00", "09:35")],
            "electrodes_out": at("09:45"),
        },
        "physician_log": [presence("07:55", "09:36")],
        "signoff": {"technologist": {"id": "T1", "t": at("10:00")}, "physician": None},
    }
    for key, value in changes.items():
        *path, last = key.split("__")
        place = body
        for step in path:
            place = place[step]
        place[last] = value
    return msgspec.convert(body, Facts)
