"""One made-up case for the tests of prints and drawings: an alert that resolved, a pause, two physicians, a late entry."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from practice import cases as c

START = datetime(2026, 6, 9, 14, 0, tzinfo=UTC)


def at(minutes: float, start: datetime = START) -> datetime:
    return start + timedelta(minutes=minutes)


def case(start: datetime = START, tz: str = "America/Denver", **changes) -> c.Facts:
    """Set-up from 0, baselines from 40, monitored 60 to 200 and 240 to 300, electrodes out at 310 minutes."""

    def t(minutes: float) -> datetime:
        return at(minutes, start)

    given = {
        "id": "C-77",
        "tz": tz,
        "status": "completed",
        "record_rev": 4,
        "header": c.Header(
            date_of_service=start.astimezone(ZoneInfo(tz)).date(),
            facility=c.FacilityHeader(name="Mercy Hospital", state="CO", or_room="OR 4"),
            patient=c.PatientHeader(name="ŁUKASZ, ANN", mrn="M-1001", dob=date(2012, 1, 20), sex="F"),
            payer_class="commercial",
            surgeon="Helen Castellan, MD",
            procedure=c.Procedure(text="Fusion T4-L1 <b>bold</b>"),
            diagnosis=(c.Diagnosis(text="Scoliosis", icd10="M41.124"),),
        ),
        "staff": c.Staff(
            technologists=(c.Technologist(id="T1", name="Tess Nand", cred="CNIM", on=t(-30), off=t(320)),),
            physicians=(
                c.Physician(id="P1", name="Pia Ortega, MD", cred="Neurology"),
                c.Physician(id="P2", name="Elena Marsh, MD", cred="Neurology"),
            ),
        ),
        "modalities": (
            c.Modality(code="SSEP", region="UL"),
            c.Modality(code="SSEP", region="LL"),
            c.Modality(code="TcMEP", region="UL+LL"),
            c.Modality(code="EMG"),
        ),
        "baselines": c.Baselines(
            sets=(
                c.BaselineSet(label="supine", start=t(40), end=t(58), reviewed_by="P1", reviewed_at=t(59)),
                c.BaselineSet(label="prone", start=t(225), end=t(239)),
            ),
            rows=(
                c.Baseline(id="BL1", modality="SSEP", side="L", site="ulnar"),
                c.Baseline(id="BL2", modality="TcMEP", side="L", site="tibialis anterior", amp_uv=900),
            ),
        ),
        "events": (
            c.Event(id="EV1", t=t(75), type="incision", text="Skin incision", src="ev-1"),
            c.Event(id="EV2", t=t(130), type="instrumentation", text="Rod placed & turned"),
            c.Event(id="EV3", t=t(131), type="other", text="Something long that was said at the table " * 3),
            c.Event(id="EV4", t=t(290), type="closing", text="Closing started"),
        ),
        "alerts": (
            c.Alert(
                id="AL1",
                t=t(140),
                modality="TcMEP",
                rows=(c.AlertRow(ref="BL2", value_uv=162, change_pct=-82),),
                resolution=c.Resolution(status="resolved", t=t(165)),
            ),
        ),
        "time": c.Time(
            tech_arrive=t(-25),
            setup_start=t(0),
            setup_end=t(40),
            segments=(
                c.Segment(id="S1", start=t(60), end=t(200), mode="remote"),
                c.Segment(id="S2", start=t(240), end=t(300), mode="remote"),
            ),
            breaks=(c.Break(start=t(205), end=t(220), reason="lunch"),),
            electrodes_out=t(310),
        ),
        "physician_log": (
            c.Presence(
                physician="P1",
                connect=t(38),
                disconnect=t(202),
                method="remote desktop",
                concurrency=(c.Concurrency(frm=t(60), to=t(150), n=2), c.Concurrency(frm=t(150), to=t(200), n=1)),
                exclusive=(c.Stretch(frm=t(150), to=t(200)),),
                notes=(c.SignedNote(by="P1", t=t(59), text="Baselines acceptable <script>"),),
            ),
            c.Presence(physician="P2", connect=t(199), method="remote desktop", src="p2"),
        ),
        "handovers": (c.Handover(id="HO1", kind="physician", frm="P1", to="P2", start=t(199), end=t(202)),),
        "late": {"ev-1": c.Late(src="ev-1", at=t(75), entered_at=t(200))},
        "synthetic": True,
    }
    return c.Facts(**{**given, **changes})


def empty() -> c.Facts:
    """A case of which nothing but the names is recorded."""
    header = c.Header(
        facility=c.FacilityHeader(name="Mercy Hospital"),
        patient=c.PatientHeader(name="EMPTY, EVE"),
        procedure=c.Procedure(text="ACDF"),
    )
    return c.Facts(id="C-0", tz="America/Chicago", header=header)
