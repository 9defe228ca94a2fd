"""How a modality was run, in one sentence: stimulation, recording, filters, electrodes."""

from __future__ import annotations

import re

from . import wording as w
from .cases import Modality


def technique(part: Modality) -> str:
    """How one modality was run: stimulation; recording; filters and averages; electrodes."""
    groups = [_stimulated(part), _trained(part), _recorded(part)]
    if part.filters_hz:
        groups.append(f"band {'-'.join(map(str, part.filters_hz))} Hz")
    groups.append(f"{part.averages} averages" if part.averages is not None else "")
    if part.channels is not None:
        groups.append(w.plural(part.channels, "channel") if isinstance(part.channels, int) else part.channels)
    groups.append(part.montage or "")
    if part.electrodes:
        # Needles take the word electrodes, what is a kind of electrode by its own name does not.
        named = re.search(
            r"electrode|pair|cups?\b|discs?\b|disks?\b|strips?\b|grids?\b|tube", part.electrodes, re.IGNORECASE
        )
        groups.append(part.electrodes if named else f"{part.electrodes} electrodes")
    groups.append(part.safety or "")
    return w.ended("; ".join(filter(None, groups)) or f"technique {w.gap(part.missing_reason)}")


def _stimulated(part: Modality) -> str:
    where = f"{part.nerve} nerve at the {part.stim_site}" if part.nerve and part.stim_site else part.stim_site or ""
    if part.nerve and not part.stim_site:
        where = f"{part.nerve} nerve"
    said = [where, part.stim or "", _both_sides(part.stim_ma)]
    if part.stim_v:
        said.append(" / ".join(w.volts(part.stim_v)))
    if part.pw_us is not None and not part.train:
        said.append(f"{part.pw_us} µs")
    if part.rate_hz is not None:
        said.append(f"{part.rate_hz} Hz")
    if part.sweep and part.sweep not in str(w.MODALITIES[part.code]["name"]).lower():
        said.append(part.sweep)
    return ", ".join(filter(None, said))


def _both_sides(values: tuple[float | None, ...] | None) -> str:
    shown = [w.GAP if value is None else f"{value} mA" for value in values or ()]
    if len(shown) == 2:
        return f"{shown[0]} left / {shown[1]} right"
    return ", ".join(shown)


def _trained(part: Modality) -> str:
    if not part.train:
        return f"ISI {part.isi_ms} ms" if part.isi_ms is not None else ""
    said = [f"train of {part.train}"]
    said += [f"ISI {part.isi_ms} ms"] if part.isi_ms is not None else []
    said += [f"pulse width {part.pw_us} µs"] if part.pw_us is not None else []
    return ", ".join(said)


def _recorded(part: Modality) -> str:
    said = [f"recorded at {', '.join(part.rec)}" if part.rec else ""]
    if part.muscles:
        where = {"L": "left side", "R": "right side"}.get(part.side, "bilateral")
        said.append(f"{where}: {', '.join(part.muscles)}")
    elif part.side:
        said.append({"L": "left side", "R": "right side", "B": "bilateral"}[part.side])
    return "; ".join(filter(None, said))
