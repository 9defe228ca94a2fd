"""The claim packet: every page stamped and counted, every part in the index, nothing left out in silence."""

import hashlib
import io
import re
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import pytest
from msgspec import structs
from pypdf import PdfReader, PdfWriter

from practice import demands as d
from practice import exhibits as ex
from practice.cases import SignedNote
from practice.coding import Coding, Line, NotBilled, SegmentMinutes
from practice.packets import (
    WATERMARK,
    Asked,
    Assembled,
    Denial,
    Document,
    NotReady,
    PacketInput,
    Trail,
    assemble,
    objections,
)
from practice.pages import add_page, fonts, show, written
from practice.pdf import Letterhead
from practice.scrub import Finding
from practice.typeset import typeset, wrapped
from tests.practice.sample import case, empty


def pdf(pages: int, text: str = "Text", size=(612, 792), turn: int = 0) -> bytes:
    writer = PdfWriter()
    held = fonts(writer)
    for number in range(1, pages + 1):
        page = add_page(writer, size, show(2, 2, 12, f"{text} {number}"), drawings={}, fonts=held)
        if turn:
            page.rotate(turn)
        writer.add_outline_item(title="Report", page_number=number - 1)
    return written(writer)


REPORT = pdf(3, "Signed report")
CODING = Coding(
    counted_minutes=200,
    segments=(SegmentMinutes(id="S1", start=None, end=None, mode="remote", minutes=200),),
    lines=(
        Line(
            code="95941",
            units=3,
            minutes=200,
            label="Remote monitoring, per hour",
            rendering="P1",
            rendering_name="Pia Ortega, MD",
            derivation="95941 = floor((200+29)/60) = 3",
            steps=("S1 (remote): 140 min", "95941 = floor((200+29)/60) = 3"),
            sources=("c1a7-source-id",),
        ),
    ),
    not_billed=(
        NotBilled(code="95937", reason="counted as part of anesthesia"),
        NotBilled(minutes=40, reason="set-up"),
    ),
)
PEOPLE = (
    ex.Person(
        staff="P1",
        npi="1234567893",
        credentials=(
            ex.Credential(
                kind="Medical license",
                number="L-1",
                issuer="CO Board",
                from_on=date(2020, 1, 1),
                until_on=date(2026, 6, 9),
            ),
            ex.Credential(kind="Privilege at Mercy", until_on=date(2026, 6, 8)),
        ),
    ),
)
BLOCK = Finding(id="DOC-08", severity="block", message="Set-up time is missing.", where="record")


def packet(**changes) -> PacketInput:
    given = {
        "packet_id": "C-77-1",
        "letterhead": Letterhead(name="Front Range Neuromonitoring", phone="303-555-0100"),
        "facts": case(),
        "coding": CODING,
        "payer": "Acme PPO",
        "member_id": "W123",
        "report": REPORT,
        "people": PEOPLE,
        "documents": (
            Document(kind="op_note", title="Operative note", pdf=pdf(2, "Operative note")),
            Document(kind="order", title="Order of June 1", pdf=pdf(1, "Order")),
        ),
    }
    return PacketInput(**{**given, **changes})


@cache
def usual() -> Assembled:
    return assemble(packet())


def texts(made: Assembled) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(made.pdf)).pages]


def plain(text: str) -> str:
    return " ".join(text.split())


GOLDEN = Path(__file__).parents[1] / "golden" / "packets"


@pytest.mark.parametrize("purpose", list(d.PURPOSES))
def test_the_contents_of_a_packet_are_those_that_were_looked_at(purpose):
    """Parts, pages, what is wanted and where: compared with the file kept in golden/packets.

    After a change that is meant, delete the file, run the test once, look at what it wrote, and keep that.
    """
    trail = Trail(
        acts=(ex.Act(number=4, at=datetime(2026, 6, 9, 20, 0, tzinfo=UTC), who="Pia Ortega", did="sign report"),)
    )
    asked = Asked(requester="Acme review", reference="R-1", asked_on=date(2026, 7, 1), due_on=date(2026, 7, 31))
    denial = Denial(
        level="First level", denied_on=date(2026, 7, 1), codes="CO-50", cents=240000, reason="Not necessary."
    )
    made = assemble(
        packet(
            purpose=purpose,
            demands=d.defaults(purpose),
            trail=trail,
            asked=asked if purpose in ("records", "audit") else None,
            denial=denial if purpose == "appeal" else None,
            claim_form=pdf(1, "Claim form"),
            documents=(*packet().documents, Document(kind="request", title="Letter", pdf=pdf(1, "Please send"))),
        )  # fmt: skip
    )
    parts = [
        f"{part.letter or '-':3}{part.first_page:>3}{part.pages:>3}  {part.part or 'front':13}{part.title}"
        for part in made.parts
    ]
    wanted = [
        f"{'required' if one.required else 'if there':10}{one.asks}: {one.missing or ', '.join(f'{a or chr(45)} {b}-{c}' for a, b, c in one.places)}"
        for one in made.answers
    ]
    front = [line for text in texts(made)[:3] for line in text.splitlines() if not re.search(r"[0-9a-f]{32}", line)]
    found = "\n".join([*parts, "", *wanted, "", *front]) + "\n"
    kept = GOLDEN / f"{purpose}.txt"
    if not kept.exists():
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(found)
        pytest.fail(f"{kept.name} was not there and is written now. Look at it and keep it.")
    assert found == kept.read_text()


def test_the_same_input_gives_the_same_bytes():
    assert assemble(packet()) == usual()


def test_the_parts_stand_in_order_and_the_pages_add_up():
    made = usual()
    assert [(part.letter, part.title) for part in made.parts] == [
        ("", "Cover and index"),
        ("", "Requirements and where they are met"),
        ("A", "Claim summary"),
        ("B", "Signed report"),
        ("C", "Time and presence log"),
        ("D", "Physician's day: whose each minute is"),
        ("E", "Personnel and credentials"),
        ("F", "Order of June 1"),
        ("G", "Operative note"),
    ]
    assert made.pages == len(PdfReader(io.BytesIO(made.pdf)).pages) == sum(part.pages for part in made.parts)
    for part, following in zip(made.parts, made.parts[1:], strict=False):
        assert following.first_page == part.first_page + part.pages


def test_every_page_is_stamped_with_the_patient_the_packet_and_both_page_numbers():
    made = usual()
    for number, text in enumerate(texts(made), 1):
        part = max((p for p in made.parts if p.first_page <= number), key=lambda p: p.first_page)
        front = part.title.split()[0]
        of_part = f"{f'Ex. {part.letter}' if part.letter else front} - {number - part.first_page + 1}"
        for stamp in ("LUKASZ, ANN", "DOB 2012-01-20", "MRN M-1001", "DOS 2026-06-09", "Packet C-77-1", of_part):
            assert stamp in plain(text), (number, stamp)
        assert f"Page {number} of {made.pages}" in plain(text)


def corners(page) -> tuple[float, float, float, float]:
    """Where the placed page's visible box lies on its sheet."""
    content = page.get_contents().get_data().decode("latin-1")
    a, b, c, d, e, f = (float(n) for n in re.match(r"q ([-\d. ]+) cm /P Do", content)[1].split())
    x0, y0, x1, y1 = (float(n) for n in page["/Resources"]["/XObject"]["/P"]["/BBox"])
    points = [(a * x + c * y + e, b * x + d * y + f) for x in (x0, x1) for y in (y0, y1)]
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def stamp_lines(page) -> set[float]:
    return {float(y) for y in re.findall(r"1 0 0 1 \S+ (\S+) Tm", page.get_contents().get_data().decode("latin-1"))}


def test_no_stamp_lies_on_an_imported_page():
    reader = PdfReader(io.BytesIO(usual().pdf))
    for page in reader.pages[usual().parts[3].first_page - 1 : usual().parts[4].first_page - 1]:
        left, low, right, high = corners(page)
        assert stamp_lines(page) == {14.5, 772.5}
        assert low > 14.5 + 8 and high < 772.5 - 2
        assert left >= 0 and right <= 612 and right - left == pytest.approx(612 * 0.94, abs=0.1)


def test_the_outline_is_the_parts():
    reader = PdfReader(io.BytesIO(usual().pdf))
    found = [
        (item.title, reader.get_destination_page_number(item) + 1)
        for item in reader.outline
        if not isinstance(item, list)
    ]
    assert found == [(f"{p.letter}. {p.title}" if p.letter else p.title, p.first_page) for p in usual().parts]


def test_the_cover_holds_the_digest_and_the_pages_of_each_part():
    cover = texts(usual())[0]
    digits = re.sub(r"\s", "", cover)
    parts = usual().parts[2:]
    assert all(part.sha256 in digits for part in parts)
    assert parts[1].sha256 == hashlib.sha256(REPORT).hexdigest()
    assert parts[6].sha256 == hashlib.sha256(pdf(2, "Operative note")).hexdigest()
    assert len({part.sha256 for part in parts}) == len(parts)


def test_the_cover_says_who_what_and_when():
    cover = plain(texts(usual())[0])
    for words in (
        "Front Range Neuromonitoring",
        "Acme PPO",
        "W123",
        "Mercy Hospital, CO",
        "Pia Ortega, MD, NPI 1234567893",
        "95941 x 3",
        "Scoliosis (M41.124)",
        "SYNTHETIC CASE",
        "Fusion T4-L1 <b>bold</b>",
        f"Pages {usual().pages}",
    ):
        assert words in cover, words


def test_a_row_of_the_index_leads_to_its_part():
    reader = PdfReader(io.BytesIO(usual().pdf))
    pages = [page.indirect_reference.idnum for page in reader.pages]
    for page in reader.pages[:2]:
        leads = [pages.index(note.get_object()["/Dest"][0].idnum) + 1 for note in page["/Annots"]]
        assert leads == [part.first_page for part in usual().parts[2:]]


def test_what_is_missing_is_said_on_the_index():
    cover, requirements = (plain(text) for text in texts(usual())[:2])
    assert "Claim number not on file" in cover
    assert "MISSING" not in requirements
    bare = plain(texts(assemble(packet(documents=())))[1])
    assert "The surgeon's order for monitoring - MISSING Order for monitoring is not on file." in bare
    assert "1 is missing." in bare


def test_the_arithmetic_of_a_line_is_printed_step_by_step_and_once():
    page = plain(texts(usual())[2])
    assert page.count("95941 = floor((200+29)/60) = 3") == 1
    for words in ("S1 (remote): 140 min", "95937 - counted as part of anesthesia", "- 40 set-up"):
        assert words in page
    assert "c1a7-source-id" not in page


def log() -> str:
    part = usual().parts[4]
    return plain(" ".join(texts(usual())[part.first_page - 1 : part.first_page - 1 + part.pages]))


def test_the_log_has_every_stretch_connection_note_and_handover():
    for words in (
        "Technologist arrived",
        "Set-up started not counted",
        "Monitoring S1 ended 140 minutes counted",
        "Break started lunch",
        "Electrodes out not counted",
        "Prone baselines reviewed",
        "attention to this patient alone",
        "physician: Pia Ortega, MD to Elena Marsh, MD",
        "Baselines acceptable <script>",
        "[not recorded]",
        "An entry for 09:15 was keyed 2026-06-09 11:20 MDT.",
    ):
        assert words in log(), words


def test_a_late_entry_of_the_log_is_marked_in_its_row():
    facts = case()
    segment = structs.replace(facts.time.segments[0], src="seg-1")
    late = structs.replace(facts.late["ev-1"], src="seg-1")
    facts = structs.replace(facts, time=structs.replace(facts.time, segments=(segment,)), late={"seg-1": late})
    table = ex.presence_log("C", facts).blocks[0]
    assert any(
        "late entry, keyed 2026-06-09 11:20 MDT" in row[2] for row in table.rows if row[1].startswith("Monitoring S1")
    )


def test_credentials_are_judged_on_the_date_of_service():
    part = usual().parts[6]
    page = plain(texts(usual())[part.first_page - 1])
    assert re.search(r"Medical license L-1 CO Board 2020-01-01 - 2026-06-09 valid", page)
    assert "EXPIRED" in page
    assert "CNIM: not on file" in page  # the technologist has nothing on file
    later = ex.Credential(kind="CNIM", from_on=date(2026, 6, 10))
    assert later.on(date(2026, 6, 9)) == "NOT YET VALID"


def test_a_blocking_finding_refuses_the_packet_with_every_reason():
    blocked = packet(findings=(BLOCK, structs.replace(BLOCK, id="DOC-10", severity="warn")), report=None)
    with pytest.raises(NotReady) as refused:
        assemble(blocked)
    assert refused.value.reasons == objections(blocked)
    assert len(refused.value.reasons) == 2 and refused.value.reasons[0] == "DOC-08: Set-up time is missing."


def test_a_preview_is_always_possible_marked_on_every_page_and_names_what_blocks():
    made = assemble(packet(findings=(BLOCK,), report=None), preview=True)
    pages = texts(made)
    assert all(WATERMARK in plain(text) for text in pages)
    assert "DOC-08: Set-up time is missing." in plain(pages[0])
    assert "No signed report of this case is on file." in plain(pages[made.parts[3].first_page - 1])
    assert not any(WATERMARK in plain(text) for text in texts(usual()))


def test_an_empty_record_previews_with_every_gap_named():
    made = assemble(
        packet(facts=empty(), coding=Coding(counted_minutes=0), documents=(), people=(), report=None), preview=True
    )
    whole = plain(" ".join(texts(made)))
    for words in (
        "MRN not on file",
        "DOS not on file",
        "No monitoring segment is recorded.",
        "No line is supported by the record.",
        "Order for monitoring is not on file.",
        "[not recorded] Technologist",
        "not on file technologist",
        "Diagnosis not on file",
    ):
        assert words in whole, words


@pytest.mark.parametrize(
    ("size", "turn"), [((595, 842), 0), ((792, 612), 0), ((612, 792), 90), ((300, 300), 0), ((2000, 3000), 180)]
)
def test_a_page_of_any_size_is_fitted_upright(size, turn):
    made = assemble(packet(documents=(Document(kind="order", title="Scan", pdf=pdf(1, size=size, turn=turn)),)))
    page = PdfReader(io.BytesIO(made.pdf)).pages[-1]
    lies = (size[0] > size[1]) != (turn == 90)
    assert (page.mediabox.width, page.mediabox.height, page.rotation) == ((792, 612, 0) if lies else (612, 792, 0))
    assert f"Page {made.pages} of {made.pages}" in plain(page.extract_text())
    left, low, right, high = corners(page)
    assert left >= 0 and right <= page.mediabox.width
    assert low > max(y for y in stamp_lines(page) if y < 300) + 8
    assert high < min(y for y in stamp_lines(page) if y > 300) - 2


def test_links_and_scripts_of_an_import_do_not_come_along():
    writer = PdfWriter(clone_from=io.BytesIO(REPORT))
    writer.add_uri(0, "http://evil.example/", (0, 0, 100, 100))
    out = io.BytesIO()
    writer.write(out)
    assert b"evil" not in assemble(packet(report=out.getvalue())).pdf


def test_the_metadata_names_the_packet_and_not_the_patient():
    held = PdfReader(io.BytesIO(usual().pdf)).metadata
    assert dict(held) == {"/Title": "Packet C-77-1"}


def test_a_very_long_name_does_not_run_into_the_other_stamps():
    facts = case()
    patient = structs.replace(facts.header.patient, name="VERYLONGNAME, " * 20)
    made = assemble(packet(facts=structs.replace(facts, header=structs.replace(facts.header, patient=patient))))
    assert "..." in texts(made)[-1] and "DOB 2012-01-20" in plain(texts(made)[-1])


def test_a_note_in_letters_that_helvetica_lacks_is_printed_as_it_was_written():
    facts = case()
    note = SignedNote(by="P1", t=facts.time.setup_end, text="Ответ стабилен")
    log = (structs.replace(facts.physician_log[0], notes=(note,)), facts.physician_log[1])
    made = assemble(packet(facts=structs.replace(facts, physician_log=log)))
    assert "Ответ стабилен" in plain(" ".join(texts(made)))


def test_a_table_longer_than_a_page_repeats_its_head_and_loses_no_row():
    rows = tuple((f"row {number}", "word " * (number % 40), "x" * 200) for number in range(120))
    table = ex.Table(caption="Long", head=("First", "Second", "Third"), widths=(20, 40, 40), rows=rows)
    pages = [
        page.extract_text()
        for page in PdfReader(io.BytesIO(typeset(ex.Exhibit(letter="C", title="T", blocks=(table,))))).pages
    ]
    assert len(pages) > 5
    assert all("First" in text for text in pages)
    assert all(re.search(rf"row {number}\b", " ".join(pages)) for number in range(120))


def test_a_row_higher_than_a_page_goes_on_over_the_next():
    table = ex.Table(head=("A",), widths=(100,), rows=(("word " * 3000 + "last",),))
    pages = PdfReader(io.BytesIO(typeset(ex.Exhibit(letter="C", title="T", blocks=(table,))))).pages
    assert len(pages) > 2 and "last" in pages[-1].extract_text()


def test_wrapping_keeps_every_word_within_the_room():
    assert wrapped("one two\nthree", 10, 40) == ["one two", "three"]
    assert "".join(wrapped("x" * 100, 10, 40)) == "x" * 100
    assert wrapped("", 10, 40) == [""]
