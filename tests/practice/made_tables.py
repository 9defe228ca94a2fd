"""Synthetic files in the shape in which CMS publishes its tables. No value in them is of a real edition."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

import openpyxl

PTP_HEAD = (
    '"CPT only copyright 2026 American Medical Association.  All rights reserved.™"\r\n'
    "Column1/Column2 Edits\t\t\t\t\t\t\r\n"
    "\t\t*=in existence\t\tDeletion\tModifier\t\r\n"
    "\t\tprior to\tEffective\tDate\t0=not allowed\t\r\n"
    "Column 1\tColumn 2\t1996\tDate\t*=no data\t1=allowed\tPTP Edit Rationale\r\n"
    "\t\t\t\t\t9=not applicable\t\r\n"
)
PTP_ROWS = (
    "95938\t95925\t \t20120101\t*\t0\tMore extensive procedure\r\n"
    "95861\t95870\t \t20130101\t*\t1\tMisuse of column two code with column one code\r\n"
    "95863\t95869\t \t20130101\t20240630\t1\tMisuse of column two code with column one code\r\n"
    "22551\t95940\t \t20130101\t*\t0\tStandards of medical / surgical practice\r\n"
    "99213\t36415\t*\t19960101\t*\t1\tStandards of medical / surgical practice\r\n"
)
MUE = (
    '"CPT codes and descriptions only are copyright.\nAll rights reserved.",,,\r\n'
    '"HCPCS/\nCPT Code",Practitioner Services MUE Values,MUE Adjudication Indicator,MUE Rationale\r\n'
    '95940,32,"3 Date of Service Edit: Clinical",Clinical: Data\r\n'
    'G0453,40,"3 Date of Service Edit: Clinical",Clinical: Data\r\n'
    '95938,1,"2 Date of Service Edit: Policy",Code Descriptor / CPT Instruction\r\n'
    '0001U,1,"1 Line Edit",Anatomic Consideration\r\n'
)
AOC_HEAD = (
    "Add-On_Code", "AOC_Edit_Type", "AOC_Del_Dt", "Primary_Code", "Primary_Code_Del_Dt", "AOC_Edit_Eff_Dt",
    "AOC_Edit_Del_Dt", "Special_Instruction_Notes",
)  # fmt: skip
AOC_ROWS = (
    ("95940", "1", "", "95938", "", "2013001", "", ""), ("95940", "1", "", "92653", "", "2021001", "2024182", ""),
    ("G0453", "1", "0000000", "95938", "", "20130101", "", ""), ("96376", "2", "", "CCCCC", "", "2013001", "", "contractor"),
)  # fmt: skip
RVU = (
    ",,2026 National Physician Fee Schedule Relative Value File July Release,,,,,,,,,,,,,,,,,,,,,,\r"
    ",,CPT codes and descriptions only are copyright 2025 American Medical Association.,,,,,,,,,,,,,,,,,,,,,,\r"
    ",,,STATUS,MEDICARE,WORK,NON-FAC,NA,FACILITY,NA,MP,NON-FACILITY,FACILITY,PCTC,GLOB,PRE,INTRA,POST,MULT,BILAT,ASST,CO-,TEAM,ENDO,CONV\r"
    "HCPCS,MOD,DESCRIPTION,CODE,PAYMENT,RVU,PE RVU,INDICATOR,PE RVU,INDICATOR,RVU,TOTAL,TOTAL,IND,DAYS,OP,OP,OP,PROC,SURG,SURG,SURG,SURG,BASE,FACTOR\r"
    "95938,,SECRET WORDS,A,,0.86,8.13,,8.13,NA,0.05,9.04,9.04,1,XXX,0,0,0,0,2,0,0,0,,33.2875\r"
    "95938,26,SECRET WORDS,A,,0.86,0.44,,0.44,,0.04,1.34,1.34,1,XXX,0,0,0,0,2,0,0,0,,33.2875\r"
    '95940,,"SECRET, WORDS",A,,0.60,0.31,NA,0.31,,0.04,0.95,0.95,0,ZZZ,0,0,0,0,0,0,0,0,,33.2875\r'
    "95941,,SECRET WORDS,I,,0.00,0.00,,0.00,,0.00,0.00,0.00,9,ZZZ,0,0,0,9,9,9,9,9,,33.2875\r"
    "95938,53,SECRET WORDS,A,,0.43,0.22,,0.22,,0.02,0.67,0.67,1,XXX,0,0,0,0,2,0,0,0,,33.2875\r"
)


def icd_order(*rows: tuple[str, bool, str]) -> str:
    """The fixed columns of icd10cm_order: number, code, whether it is billable, short words, whole words."""
    return "".join(
        f"{number:05d} {code:<7} {int(billable)} {words[:60]:<60} {words}\r\n"
        for number, (code, billable, words) in enumerate(rows, 1)
    )


ICD_ROWS = (
    ("M48", False, "Other spondylopathies"), ("M480", False, "Spinal stenosis"),
    ("M4806", False, "Spinal stenosis, lumbar region"),
    ("M48061", True, "Spinal stenosis, lumbar region without neurogenic claudication"),
    ("M48062", True, "Spinal stenosis, lumbar region with neurogenic claudication"),
    ("H8101", True, "Meniere's disease, right ear"), ("D333", True, "Benign neoplasm of cranial nerves"),
)  # fmt: skip


def source(name: str, text: str | bytes) -> tuple[str, io.BytesIO]:
    return name, io.BytesIO(text if isinstance(text, bytes) else text.encode("cp1252"))


def zipped(name: str, *members: tuple[str, str | bytes]) -> tuple[str, io.BytesIO]:
    """A zip as it is downloaded."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for inside, content in members:
            packed.writestr(inside, content if isinstance(content, bytes) else content.encode("cp1252"))
    file.seek(0)
    return name, file


def spreadsheet(*rows: Sequence[str]) -> bytes:
    book, file = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(list(row))
    book.save(file)
    return file.getvalue()
