"""The drawing of a case: elapsed time is linear, the labels are the wall clock, nothing is drawn that was not recorded."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment, FileSystemLoader
from msgspec import structs

from practice import cases as c
from practice.timeline import BAR, NARROW, WIDE, Timeline, timeline
from tests.practice.sample import at, case, empty

TEMPLATES = Path(__file__).parents[2] / "templates"


def drawn(facts: c.Facts) -> str:
    around = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    both = {"wide": timeline(facts), "narrow": timeline(facts, narrow=True)}
    return around.get_template("cases/_timeline.html").render(drawings=both)


def bars(drawing: Timeline, kind: str) -> list:
    return [bar for bar in drawing.bars if bar.kind == kind]


def texts(drawing: Timeline) -> list[str]:
    return [label.text for label in drawing.labels]


def test_a_modality_is_a_bar_over_each_segment_and_begins_at_its_baselines():
    drawing = timeline(case())
    assert [row.label for row in drawing.rows[1:4]] == ["SSEP UL, LL", "TcMEP UL+LL", "EMG"]
    runs, leads = bars(drawing, "run"), bars(drawing, "baseline")
    assert len(runs) == 6  # three modalities, two segments
    assert len(leads) == 2 + 4  # two windows; EMG has no baseline rows
    assert leads[2].x + leads[2].width == pytest.approx(runs[0].x, abs=0.2)


def test_counted_minutes_are_shaded_and_set_up_and_removal_are_not():
    drawing = timeline(case())
    assert [band.label for band in drawing.bands] == ["140 min counted", "60 min counted"]
    (setup,), (removal,) = bars(drawing, "setup"), bars(drawing, "removal")
    first, last = drawing.bands[0], drawing.bands[-1]
    assert setup.x + setup.width < first.x
    assert removal.x >= last.x + last.width - 0.2


def test_an_alert_is_a_mark_joined_to_its_resolution_and_says_both():
    drawing = timeline(case())
    assert [mark.kind for mark in drawing.marks if mark.kind != "event"] == ["resolved", "alert"]
    (link,) = drawing.links
    alert = next(mark for mark in drawing.marks if mark.kind == "alert")
    assert link.x == alert.x and link.width > 5
    assert "Alert AL1 10:20, resolved 10:45" in texts(drawing)


@pytest.mark.parametrize(
    ("resolution", "said", "links"),
    [
        (None, "resolution not recorded", 0),
        (c.Resolution(status="resolved"), "resolved (no time)", 0),
        (c.Resolution(status="unresolved", t=at(290)), "unresolved at 12:50", 1),
        (c.Resolution(status="partial", t=at(165)), "partly resolved 10:45", 1),
    ],
)
def test_what_is_not_recorded_of_an_alert_is_said_and_not_drawn(resolution, said, links):
    alert = structs.replace(case().alerts[0], resolution=resolution)
    drawing = timeline(case(alerts=(alert,)))
    assert any(said in text for text in texts(drawing))
    assert len(drawing.links) == links


def test_an_alert_without_a_time_is_said():
    alert = structs.replace(case().alerts[0], t=None)
    assert any("Alert AL1 time not recorded" in text for text in texts(timeline(case(alerts=(alert,)))))


def test_a_physician_is_a_band_cut_where_the_number_of_cases_changes():
    drawing = timeline(case())
    assert [bar.label for bar in bars(drawing, "watched")] == ["2 cases", "1 case"]
    assert [row.label for row in drawing.rows][-2:] == ["Pia Ortega, MD", "Elena Marsh, MD"]


def test_a_connection_without_its_end_is_a_stub_and_says_so():
    drawing = timeline(case())
    (stub,) = bars(drawing, "open")
    assert stub.width <= 26
    assert "disconnect not recorded" in texts(drawing)
    assert "number of cases not recorded" in texts(drawing)


def test_midnight_shows_the_new_date():
    drawing = timeline(case(start=datetime(2026, 1, 23, 3, 0, tzinfo=UTC), tz="America/Chicago"))
    assert [tick.label for tick in drawing.ticks if tick.is_day] == ["Thu 01/22", "Fri 01/23"]
    midnight = [tick for tick in drawing.ticks if tick.label == "00:00"]
    assert [tick.x for tick in drawing.ticks if tick.is_day][1] == midnight[0].x


@pytest.mark.parametrize(
    ("start", "hours"),
    [
        (datetime(2026, 11, 1, 5, 0, tzinfo=UTC), ["01:00 MDT", "01:00 MST", "02:00 MST"]),
        (datetime(2026, 3, 8, 7, 0, tzinfo=UTC), ["01:00 MST", "03:00 MDT", "04:00 MDT"]),
    ],
)
def test_the_night_the_clocks_change_is_linear_and_names_the_zone(start, hours):
    drawing = timeline(case(start=start))
    assert [band.label for band in drawing.bands] == ["140 min counted", "60 min counted"]
    ticks = {tick.label: tick.x for tick in drawing.ticks}
    xs = [ticks[hour] for hour in hours]
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1], abs=0.3)


def test_the_same_stretch_is_as_long_on_any_night():
    plain, changing = timeline(case()), timeline(case(start=datetime(2026, 11, 1, 5, 0, tzinfo=UTC)))
    assert [band.width for band in plain.bands] == [band.width for band in changing.bands]


def test_an_empty_record_has_an_empty_drawing_with_a_sentence():
    drawing = timeline(empty())
    assert drawing.is_empty
    page = drawn(empty())
    assert "<svg" not in page and page.count("No times are recorded yet.") == 1


def test_one_time_alone_can_be_drawn():
    assert not timeline(structs.replace(empty(), time=c.Time(tech_arrive=at(0)))).is_empty


def box(label) -> tuple[float, float]:
    length = len(label.text) * 7
    return (label.x - length, label.x) if label.leftward else (label.x, label.x + length)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(60, 300), st.text("abc dé", min_size=1, max_size=60)), max_size=25),
    st.booleans(),
)
def test_no_label_covers_another_and_all_stay_on_the_sheet(events, narrow):
    made = tuple(c.Event(id=f"EV{n}", t=at(minute), text=text) for n, (minute, text) in enumerate(events))
    drawing = timeline(case(events=made), narrow=narrow)
    assert drawing.width == (NARROW if narrow else WIDE)
    for one, label in enumerate(drawing.labels):
        left, right = box(label)
        assert left >= -1 and right <= drawing.width + 1 and 0 < label.y <= drawing.height
        for other in drawing.labels[one + 1 :]:
            if other.y == label.y:
                assert box(other)[0] >= right or box(other)[1] <= left
    for bar in drawing.bars:
        assert bar.x >= 0 and bar.x + bar.width <= drawing.width and bar.height == BAR


def test_a_mistyped_year_is_drawn_with_two_dates():
    events = (c.Event(id="EV1", t=at(0)), c.Event(id="EV2", t=at(0) + timedelta(days=3000)))
    assert [tick.label for tick in timeline(case(events=events)).ticks] == ["Tue 06/09", "08/26/2034"]


def test_the_drawing_is_well_formed_without_inline_style_or_script_and_notes_stay_text():
    page = drawn(case())
    ElementTree.fromstring(page)  # raises when it is not well formed
    for forbidden in ("style=", "<script", "onclick", "<style"):
        assert forbidden not in page
    assert "Rod placed &amp; turned" in page
    ids = [part.split('"')[0] for part in page.split(' id="')[1:]]
    assert len(ids) == len(set(ids))


def test_the_text_alternative_says_what_the_picture_says():
    said = timeline(case()).description
    for words in (
        "140 minutes counted",
        "Alert AL1 10:20, resolved 10:45 (TcMEP)",
        "09:15 Skin incision",
        "Pia Ortega, MD connected",
    ):
        assert words in said
    assert "No signal alert is recorded." in timeline(case(alerts=())).description
