"""The findings: good files have none, each single fault is found, and no file of others makes them fail."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from practice.x12 import checks
from tests.practice import made_claims as made

EDI = Path(__file__).parent.parent / "edi"
GOOD = sorted((EDI / "own").glob("*.837"))
MUTANTS = sorted((EDI / "own" / "mutants").glob("*.837"))
OTHERS = sorted((EDI / "837p").iterdir())


def check(data: str | bytes) -> checks.Checked:
    return checks.check(data.encode() if isinstance(data, str) else data, today=made.TODAY)


def ids(text: str, severity: str = "error") -> set[str]:
    return {found.id for found in check(text).findings if found.severity == severity}


@pytest.mark.parametrize("path", GOOD, ids=lambda p: p.stem)
def test_a_good_file_has_no_error(path):
    assert [f for f in check(path.read_bytes()).findings if f.severity == "error"] == []


@pytest.mark.parametrize("path", MUTANTS, ids=lambda p: p.stem)
def test_each_single_fault_is_found(path):
    found = check(path.read_bytes()).findings
    if "067" in path.name:
        assert {f.id for f in found} == {"M04"}
    else:
        assert any(f.severity == "error" for f in found)


@pytest.mark.parametrize("path", OTHERS, ids=lambda p: p.name)
def test_files_of_others_are_read_and_judged(path):
    checked = check(path.read_bytes())
    json.dumps(checks.as_json(checked))
    assert (checked.claims > 0) == (not path.name.startswith("4010-"))
    assert checked.errors


LAST = "IEA*1*000000101~"
PLAIN = made.written(made.claim()).replace("~", "~\n")
SECOND = made.written(made.secondary()).replace("~", "~\n")
CHILD = made.written(made.dependent()).replace("~", "~\n")
MEDICARE = made.written(made.medicare()).replace("~", "~\n")

OURS = [
    # (text, what is written, what it becomes, the finding)
    (PLAIN, "IEA*1*", "IEA*2*", "E04"),
    (PLAIN, LAST, "", "E03"),
    (PLAIN, LAST, LAST + "ST*837~", "E03"),
    (PLAIN, "GE*1*101~", "GE*1*102~", "E20"),
    (PLAIN, "GE*1*101~", "", "E18"),
    (PLAIN, "SE*44*0001", "SE*44*0002", "E31"),
    (PLAIN, "SE*44*0001~", "", "G01"),
    (PLAIN, "ST*837*0001*005010X222A1", "ST*837*0001*005010X222", "E29"),
    (PLAIN, "X*005010X222A1~", "X*004010X098A1~", "E23"),
    (PLAIN, "*00501*", "*00401*", "E07"),
    (PLAIN, "*T*:~", "*X*:~", "E07"),
    (PLAIN, "*000000101*0*", "*000000000*0*", "E08"),
    (PLAIN, "IONMPRACTICE   *", "IONMPRACTICE*", "E06"),
    (PLAIN, "260310*0915*^", "261310*0915*^", "E11"),
    (PLAIN, "HL*2*1*22*0", "HL*3*1*22*0", "H01"),
    (CHILD, "HL*3*2*23*0", "HL*3*1*23*0", "H02"),
    (CHILD, "HL*2*1*22*1", "HL*2*1*22*0", "H06"),
    (CHILD, "SBR*P**", "SBR*P*18*", "P02"),
    (CHILD, "DMG*D8*20100504*M~\n", "", "G01"),
    (CHILD, "PAT*19", "PAT*99", "C01"),
    (CHILD, "NM1*QC*1*TESTER*KIM~\n", "", "G02"),
    (PLAIN, "DMG*D8*19600215*F~\n", "", "P06"),
    (PLAIN, "DMG*D8*19600215*F", "DMG*D8*19601315*F", "S10"),
    (PLAIN, "DMG*D8*19600215*F", "DMG*D8*20270215*F", "D02"),
    (PLAIN, "DMG*D8*19600215*F", "DMG*D8*20260303*F", "D09"),
    (PLAIN, "GRP12345******CI", "GRP12345", "P01"),
    (PLAIN, "SBR*P*18*", "SBR*P**", "P03"),
    (PLAIN, "SBR*P*18*", "SBR*S*18*", "P09"),
    (PLAIN, "CI~", "QQ~", "C01"),
    (PLAIN, "MI*XYZ123456789", "MI", "P05"),
    (PLAIN, "NM1*PR*2*EXAMPLE HEALTH PLAN*****PI*12345~\nN3*PO BOX 1000~\nN4*EL PASO*TX*799981000~\n", "", "G02"),
    (PLAIN, "N3*100 MAIN ST*STE 200", "N3*P.O. BOX 12", "N02"),
    (PLAIN, "N4*AUSTIN*TX*787010001", "N4*AUSTIN*TX*78701-0001", "N10"),
    (PLAIN, "N4*AUSTIN*TX*787010001", "N4*AUSTIN*XX*787010001", "C01"),
    (PLAIN, "N4*AUSTIN*TX*787050002", "N4*AUSTIN*TX*78705", "N12"),
    (PLAIN, "REF*EI*741234567", "REF*EI*74-1234567", "N03"),
    (PLAIN, "REF*EI*741234567~\n", "", "G01"),
    (PLAIN, "PRV*BI*PXC*2084N0600X", "PRV*BI*PXC*2084N06", "C02"),
    (PLAIN, "XX*1555555550", "XX*1555555551", "N05"),
    (PLAIN, "XX*1777777776", "XX*3777777776", "N05"),
    (PLAIN, "TE*5125550100", "TE*512-555-0100", "N08"),
    (PLAIN, "21:B:1", "21:A:1", "C04"),
    (PLAIN, "21:B:1", "21:B:5", "C05"),
    (PLAIN, "21:B:1", "21:B:8", "L02"),
    (PLAIN, "21:B:1", "97:B:1", "C03"),
    (PLAIN, "*21:B:1*Y*A*Y*Y~", "*21:B:1*Y*A*Y~", "S07"),
    (PLAIN, "CLM*ION-1*3900*", "CLM*ION-1*3900.5*", "B01"),
    (PLAIN, "DTP*435*D8*20260302", "DTP*435*D8*20260305", "D06"),
    (PLAIN, "DTP*435*D8*20260302~\n", "DTP*435*D8*20260302~\nDTP*096*D8*20260301~\n", "D07"),
    (PLAIN, "PWK*OB*FX***AC*ATT-1", "PWK*OB*XX***AC*ATT-1", "C01"),
    (PLAIN, "PWK*OB*FX***AC*ATT-1", "PWK*OB*FX****ATT-1", "S13"),
    (PLAIN, "HI*ABK:M4802*ABF:M5412", "HI*ABK:M4802*ABK:M5412", "C08"),
    (PLAIN, "HI*ABK:M4802*ABF:M5412", "HI*ABK:4802*ABF:M5412", "C10"),
    (PLAIN, "HI*ABK:M4802*ABF:M5412", "HI*ABK:V4802XA*ABF:M5412", "C12"),
    (PLAIN, "HI*ABK:M4802*ABF:M5412~\n", "HI*ABK:M4802*ABF:M5412~\nHI*ABF:I10~\n", "G06"),
    (PLAIN, "NM1*77*2*EXAMPLE GENERAL HOSPITAL*****XX*1777777776~\nN3*500 HOSPITAL DR~\nN4*AUSTIN*TX*787050002~\n", "", "N17"),
    (PLAIN, "NM1*82*1*READER*RITA****XX*1555555550", "NM1*82*1*READER*RITA", "N14"),
    (PLAIN, "NM1*DN*1", "NM1*DK*1", "G06"),
    (PLAIN, "LX*2~", "LX*3~", "L13"),
    (PLAIN, "HC:95940*", "HC:9594*", "C14"),
    (PLAIN, "HC:95940*", "XX:95940*", "C13"),
    (PLAIN, "HC:95940*", "HC:95941*", ""),
    (PLAIN, "HC:95940*", "HC:95920*", "M03"),
    (PLAIN, "HC:95940*", "HC:95940:51*", "M08"),
    (PLAIN, "HC:95940*", "HC:95940:95*", "M09"),
    (PLAIN, "HC:95938:26*", "HC:95938:26:26*", "L15"),
    (PLAIN, "HC:95938:26*", "HC:95938::26*", "L16"),
    (PLAIN, "HC:95938:26*", "HC:95938:261*", "C15"),
    (PLAIN, "HC:95938:26*", "HC:95938*", "M05"),
    (PLAIN, "HC:95938:26*", "HC:95938:26:50*", "M07"),
    (PLAIN, "HC:95939:26*600", "HC:95925:26*600", "M01"),
    (PLAIN, "*2400*UN*8***", "*-2400*UN*8***", "L22"),
    (PLAIN, "*2400*UN*8***", "*2400*UN*0***", "L19"),
    (PLAIN, "*2400*UN*8***", "*2400*UN*-8***", "L19"),
    (PLAIN, "*2400*UN*8***", "*2400*UN*7.5***", "L21"),
    (PLAIN, "*2400*UN*8***", "*2400*F2*8***", "C01"),
    (PLAIN, "*UN*8***1:2", "*UN*8***1:3", "L26"),
    (PLAIN, "*UN*8***1:2", "*UN*8***1:1", "L27"),
    (PLAIN, "*UN*8***1:2", "*UN*8", "S07"),
    (PLAIN, "SV1*HC:95940*2400*UN*8***1:2~\n", "", "G01"),
    (PLAIN, "REF*6R*ION1L2", "REF*6R*ION1L1", "X02"),
    (PLAIN, "DTP*472*D8*20260302", "DTP*472*RD8*20260302", "S10"),
    (PLAIN, "DTP*472*D8*20260302", "DTP*472*RD8*20260302-20260301", "S10"),
    (PLAIN, "TESTER*PAT", "Tester*Pat", "S02"),
    (PLAIN, "NM1*IL*1*TESTER", "NM1*IL*1*" + "T" * 61, "S11"),
    (PLAIN, "NM1*IL*1*TESTER", "NM1*IL*1*TES:TER", "S12"),
    (PLAIN, "REF*G1*AUTH998877~\n", "", ""),
    (PLAIN, "REF*G1*AUTH998877~\n", "CLM*ION-1*3900***21:B:1*Y*A*Y*Y~\n", "X01"),
    (PLAIN, "N3*1 ELM ST~\nN4*AUSTIN*TX*78701~\nDMG", "N4*AUSTIN*TX*78701~\nN3*1 ELM ST~\nDMG", "G03"),
    (PLAIN, "HL*1**20*1~", "HL*1**20*1~~", "S14"),
    (PLAIN, "*UN*8***", "*UN*97***", "M17"),
    (MEDICARE, "HC:G0453", "HC:95941", "M12"),
    (MEDICARE, "HC:95938:26", "HC:95955:26", "M14"),
    (MEDICARE, "HC:95938:26", "HC:95938:TC", "M06"),
    (SECOND, "SBR*P*18*GRP777", "SBR*S*18*GRP777", "P08"),
    (SECOND, "AMT*D*1950", "AMT*D*1950.01", "B02"),
    (SECOND, "AMT*D*1950~\n", "", "P13"),
    (SECOND, "CAS*PR*1*300**2*300", "CAS*PR*1*300**2*299", "B04"),
    (SECOND, "CAS*PR*1*300**2*300", "CAS*CO*1*600", "P16"),
    (SECOND, "CAS*PR*1*300**2*300", "CAS*PR*1*600**2", "P17"),
    (SECOND, "SVD*54321*1200", "SVD*99999*1200", "P11"),
    (SECOND, "DTP*573*D8*20260320", "DTP*573*D8*20260220", "D12"),
    (SECOND, "OI***Y***Y~\n", "", "G01"),
]  # fmt: skip


def recounted(text: str) -> str:
    """The file with the count of segments that it now has, so that one fault stays one."""
    pieces = text.split("~\n")
    start = next(n for n, piece in enumerate(pieces) if piece.startswith("ST*"))
    end = next((n for n, piece in enumerate(pieces) if piece.startswith("SE*")), None)
    if end is not None:
        pieces[end] = f"SE*{end - start + 1}*0001"
    return "~\n".join(pieces)


@pytest.mark.parametrize(("text", "old", "new", "wanted"), OURS, ids=lambda v: str(v)[:40].replace("\n", " "))
def test_each_fault_of_our_own_making_is_found(text, old, new, wanted):
    assert old in text
    spoiled = text.replace(old, new, 1)
    if wanted not in ("E31", "G01"):
        spoiled = recounted(spoiled)
    found = ids(spoiled)
    assert wanted in found if wanted else not found


def test_nothing_is_found_in_what_was_not_spoiled():
    assert not any(check(text).findings for text in (PLAIN, SECOND, CHILD, MEDICARE))


def test_a_place_that_may_be_the_billers_own_is_asked_about_and_not_refused():
    place = "NM1*77*2*EXAMPLE GENERAL HOSPITAL*****XX*1777777776~\nN3*500 HOSPITAL DR~\nN4*AUSTIN*TX*787050002~\n"
    assert place in PLAIN
    elsewhere = recounted(PLAIN.replace(place, "").replace("21:B:1", "23:B:1"))
    assert "N17" in ids(elsewhere, "warning") and "N17" not in ids(elsewhere)


def test_an_empty_diagnosis_is_not_told_as_a_double_one():
    assert "L12" not in ids(PLAIN.replace("HI*ABK:M4802*ABF:M5412", "HI*ABK*ABF"))


def test_a_finding_names_its_claim_loop_and_segment():
    found = next(f for f in check(PLAIN.replace("HC:95938:26*", "HC:95938*")).findings if f.id == "M05")
    assert (found.claim, found.loop) == ("ION-1", "2400")
    assert PLAIN.split("~")[found.segment - 1].strip().startswith("SV1*HC:95938")


def test_diagnoses_are_asked_of_the_table_the_caller_gives():
    asked = []

    def table(code: str, on: date) -> str | None:
        asked.append((code, on))
        return "M5412 is not billable." if code == "M5412" else None

    found = checks.check(PLAIN.encode(), today=made.TODAY, diagnosis=table).findings
    assert [f.id for f in found] == ["C11"]
    assert asked == [("M4802", made.DAY), ("M5412", made.DAY)]


def test_the_same_service_on_another_claim_of_the_file_is_a_warning():
    text = made.written(made.claim("1"), made.claim("2"))
    assert ids(text) == set()
    assert ids(text, "warning") == {"X04"}


def test_a_zip_of_another_state_is_a_warning():
    assert ids(PLAIN.replace("AUSTIN*TX*787050002", "AUSTIN*TX*187050002"), "warning") == {"N19"}
    assert not ids(PLAIN.replace("AUSTIN*TX*787050002", "EL PASO*TX*885010002"), "warning")


def test_the_command_answers_two_when_there_is_an_error():
    assert checks.command(PLAIN.encode(), today=made.TODAY)[1] == 0
    answer, code = checks.command(MUTANTS[0].read_bytes(), today=made.TODAY)
    assert code == 2
    assert answer["errors"] == 1 and answer["claims"] == 1 and answer["charge_cents"] == 390000
    (wrong,) = [found for found in answer["findings"] if found["severity"] == "error"]
    assert (wrong["id"], wrong["segment"]) == ("E30", 46)
    assert checks.command(b"%PDF-1.7", today=made.TODAY)[1] == 2
    json.dumps(answer)


PIECES = PLAIN.split("~\n")


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_no_file_makes_the_checks_fail(data):
    pieces = list(PIECES)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(pieces) - 1))
        kind = data.draw(st.sampled_from(["drop", "double", "swap", "element", "text"]))
        if kind == "drop" and len(pieces) > 2:
            del pieces[at]
        elif kind == "double":
            pieces.insert(at, pieces[at])
        elif kind == "swap":
            other = data.draw(st.integers(0, len(pieces) - 1))
            pieces[at], pieces[other] = pieces[other], pieces[at]
        elif kind == "element":
            parts = pieces[at].split("*")
            parts[data.draw(st.integers(0, len(parts) - 1))] = data.draw(st.text(max_size=12))
            pieces[at] = "*".join(parts)
        else:
            pieces[at] = data.draw(st.text(max_size=30))
    checked = check("~\n".join(pieces))
    assert checked.findings is not None
    json.dumps(checks.as_json(checked))
