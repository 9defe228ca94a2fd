"""What was run and seen: set-up, baselines, milestones, anesthesia, signal alerts, stimulation, closing."""

from __future__ import annotations

from collections.abc import Iterator

from .. import wording as w
from ..studies import documented
from .given import CaseForScrub
from .rules import HOUSE, S3, S11, S12, S13, Said, absent, incomplete, rule, thin, unchecked

MODALITIES_OF = {
    "95925": ("SSEP",), "95926": ("SSEP",), "95927": ("SSEP",), "95938": ("SSEP",),
    "95928": ("TcMEP",), "95929": ("TcMEP",), "95939": ("TcMEP",),
    "95860": ("EMG",), "95861": ("EMG",), "95863": ("EMG",), "95864": ("EMG",), "95865": ("EMG",), "95866": ("EMG",),
    "95867": ("EMG",), "95868": ("EMG",), "95869": ("EMG",), "95870": ("EMG",),
    "95822": ("EEG",), "95955": ("EEG",), "95930": ("VEP",), "92653": ("BAEP",),
}  # fmt: skip
_TECHNIQUE = (
    "stim_ma", "stim_v", "stim", "stim_site", "rec", "muscles", "montage", "channels", "electrodes", "filters_hz", "sweep",
)  # fmt: skip


@rule("DOC-15", "warn", "Is it recorded how each modality was set up?", S12)
def _technique(case: CaseForScrub) -> Iterator[Said]:
    bare = [part for part in case.facts.modalities if not any(getattr(part, name) for name in _TECHNIQUE)]
    if bare:
        names = w.series(list(dict.fromkeys(w.modality(part) for part in bare)))
        said = f"How it was set up is not recorded: {names}. Add stimulation, recording and filters."
        yield Said("warn", said, f"record#entry-{bare[0].src}" if bare[0].src else "record#modalities", bare[0].src)
    yield from thin(case, "Set-up", "modalities")


@rule("DOC-16", "block", "Has each test that is billed a baseline which the physician reviewed?", S11)
def _baselines(case: CaseForScrub) -> Iterator[Said]:
    yield from incomplete(case, "baselines")
    for code in dict.fromkeys(line.code for line in case.lines):
        wanted = MODALITIES_OF.get(code)
        if wanted and not any(documented(row) and row.modality in wanted for row in case.facts.baselines.rows):
            yield Said("block", f"{code} is billed and no baseline of it is recorded: take it off the claim.", "claim")


@rule("DOC-17", "error", "Is it said why a test that was tried gave no response?", HOUSE)
def _not_obtained(case: CaseForScrub) -> Iterator[Said]:
    for code in dict.fromkeys(part.code for part in case.facts.modalities):
        rows = [row for row in case.facts.baselines.rows if row.modality == code]
        silent = rows and all(row.quality == "absent" for row in rows)
        if silent and not any(row.descriptor or row.missing_reason for row in rows):
            said = f"{code} was tried and every response was absent: write why, and whether it was stopped (modifier 52 or 53)."
            yield Said("error", said, f"record#entry-{rows[0].src}" if rows[0].src else "record#baselines", rows[0].src)


@rule("DOC-21", "warn", "Are the steps of the operation recorded with their times?", S12)
def _milestones(case: CaseForScrub) -> Iterator[Said]:
    if not any(event.t for event in case.facts.events) and case.coding.counted_minutes:
        yield Said("warn", "No step of the operation is recorded with its time: add incision, key steps and closing.", "record#events")  # fmt: skip


@rule("DOC-22", "warn", "Are anesthesia, relaxation, blood pressure and temperature recorded?", S12)
def _anesthesia(case: CaseForScrub) -> Iterator[Said]:
    yield from thin(case, "Anesthesia and physiology", "anesthesia", "physiology")


@rule("DOC-23", "block", "Does each signal alert say when, what, who was told, what was done and how it ended?", f"{S3}; {S13}")  # fmt: skip
def _alerts(case: CaseForScrub) -> Iterator[Said]:
    yield from incomplete(case, "alerts.")


@rule("DOC-24", "error", "If there was no signal alert, is that said?", HOUSE)
def _no_alert(case: CaseForScrub) -> Iterator[Said]:
    for item in case.missing:
        if item.field == "alerts" and item.severity != "warn":
            yield Said("error", "No signal alert is recorded, and not that there was none: say which.", "record#alerts")


@rule(
    "DOC-26",
    "warn",
    "Is each stimulation test recorded with level, side, threshold and muscle?",
    "Raynor et al., triggered EMG",
)
def _stimulation(case: CaseForScrub) -> Iterator[Said]:
    items = [item for item in case.missing if item.field.startswith("stim_tests")]
    if items:
        labels = "; ".join(dict.fromkeys(item.label for item in items))
        where = f"record#entry-{items[0].src}" if items[0].src else "record#stim_tests"
        yield Said("warn", f"Not recorded of the stimulation tests: {labels}. Add what is known.", where, items[0].src)


@rule("DOC-27", "error", "Are the signals at the end recorded against their baselines?", HOUSE)
def _closing(case: CaseForScrub) -> Iterator[Said]:
    yield from incomplete(case, "closing", severity="error")
    yield from thin(case, "Closing", "closing")


@rule("DOC-31", "error", "Are later changes dated as such and settled?", HOUSE)
def _late(case: CaseForScrub) -> Iterator[Said]:
    for item in case.missing:
        if item.field.startswith("conflicts."):
            yield absent(item, "error")
    if case.report.waiting:
        said = f"{w.plural(case.report.waiting, 'entry')} came after the signature and wait: the physician takes them into an addendum or sets them aside."
        yield Said("error", said.replace("entrys", "entries"), "report")
    if late := len(case.facts.late):
        said = f"{late} of the record's entries were keyed or changed later; the report marks each as such."
        yield Said("info", said, "record#entries")


@rule("DOC-32", "info", "Are the raw signals kept, and until when?", HOUSE)
def _kept(case: CaseForScrub) -> Iterator[Said]:
    if case.facts.modalities and not any(word in case.words() for word in ("archiv", "raw data", "waveform")):
        mend = "Keep them as long as the record, and note where in the record or as a document."
        yield unchecked("whether the raw signals were archived", mend, "record#events")


@rule("DOC-35", "info", "Were as many needles taken out as were put in?", "practice form")
def _needles(case: CaseForScrub) -> Iterator[Said]:
    if case.facts.modalities and not any(
        word in case.words() for word in ("needle", "electrodes removed", "electrode count")
    ):
        yield unchecked(
            "whether all needles were counted out", "Note the count at the end of the case.", "record#events"
        )


@rule("DOC-38", "block", "Is each base study that is billed one that was run?", f"{S3}; {S11}")
def _run(case: CaseForScrub) -> Iterator[Said]:
    run = {part.code for part in case.facts.modalities}
    supported = {line.code for line in case.coding.lines}
    for code in dict.fromkeys(line.code for line in case.bases):
        wanted = MODALITIES_OF.get(code)
        if wanted and not run & set(wanted):
            yield Said("block", f"{code} is billed, and the record does not say that it was run: take it off, or record it.", "claim")  # fmt: skip
        elif case.claim is not None and code not in supported:
            yield Said("block", f"{code} is on the claim and the record does not support it: take it off.", "claim")
