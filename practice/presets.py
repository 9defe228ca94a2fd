"""What kinds of procedure usually need: the set-ups the app comes with, and presets made of them."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from . import cases, record
from .technique import technique

SIDES = {"L": "left", "R": "right", "B": "on both sides"}
_TABLE = tomllib.loads((Path(__file__).parent / "tables" / "presets.toml").read_text())


class Setup(Struct, frozen=True, kw_only=True):
    """One modality as it is usually run. A response is modality, side, site, peak."""

    title: str
    modality: record.Modality
    responses: tuple[tuple[str, str, str, str], ...] = ()
    criterion: str | None = None


def _setup(row: dict[str, Any]) -> Setup:
    return msgspec.convert({**row, "modality": {"kind": "modality", **row["modality"]}}, Setup)


SETUPS: dict[str, Setup] = {key: _setup(row) for key, row in _TABLE["setup"].items()}


def columns(setups: Sequence[str]) -> dict[str, Any]:
    """The stored columns of a preset made of these set-ups: modalities, criteria, responses."""
    chosen = [SETUPS[key] for key in setups]
    return {
        "modalities": [_plain(setup.modality) for setup in chosen],
        "criteria": {setup.modality.code: setup.criterion for setup in chosen if setup.criterion},
        "responses": [
            {"modality": modality, "side": side, "site": site, "peak": peak or None}
            for setup in chosen
            for modality, side, site, peak in setup.responses
        ],
    }


def setups_of(modalities: Sequence[dict[str, Any]]) -> list[str]:
    """The set-ups that a preset's stored modalities came from."""
    return [key for key, setup in SETUPS.items() if _plain(setup.modality) in modalities]


def defaults() -> list[dict[str, Any]]:
    """The presets the app comes with, as columns of a row each."""
    return [
        {"name": row["name"], "structures": row["structures"], **columns(row["setups"])} for row in _TABLE["preset"]
    ]


def _plain(modality: record.Modality) -> dict[str, Any]:
    """The modality as it is stored."""
    return msgspec.json.decode(msgspec.json.encode(modality))


def plain_words(setup: Setup) -> list[str]:
    """What a set-up holds, in sentences: how it is run, what is followed, what counts as a signal alert."""
    run = technique(cases.Modality(**msgspec.structs.asdict(setup.modality)))
    said = [run[:1].upper() + run[1:]]
    sides: dict[str, list[str]] = {}
    for _, side, site, peak in setup.responses:
        sides.setdefault(site if not peak or peak in site else f"{site} {peak}", []).append(SIDES[side])
    where: dict[str, list[str]] = {}
    for what, both in sides.items():
        where.setdefault(" and ".join(both), []).append(what)
    said += [f"Followed {both}: {', '.join(what)}." for both, what in where.items()]
    if setup.criterion:
        said.append(f"Signal alert: {setup.criterion}.")
    return said
