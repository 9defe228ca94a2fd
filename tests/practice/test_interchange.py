"""The interchange form: what comes in goes out byte for byte, and a bad file is refused with every reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import msgspec
import pytest

from practice import cases, interchange, record
from practice.interchange import BadCase
from tests.cast import case_file, case_files

WHEN = datetime(2026, 12, 1, tzinfo=UTC)


def folded(raw: bytes) -> cases.Facts:
    file = interchange.read(raw)
    entries = interchange.entries_from(file.facts, key="test", received_at=WHEN)
    given = file.facts
    return record.facts(
        reversed(entries), given.header, case_id=given.id, tz=given.tz, rev=given.record_rev, synthetic=given.synthetic
    )


def canonical(body: object) -> bytes:
    return msgspec.json.encode(body, order="sorted")


@pytest.mark.parametrize("path", case_files(), ids=lambda path: path.stem)
def test_a_case_file_survives_the_record_byte_for_byte(path):
    raw = path.read_bytes()
    whole = json.loads(raw)
    whole.pop("expected", None)
    assert canonical(json.loads(cases.dump(folded(raw)))) == canonical(whole)


@pytest.mark.parametrize("path", case_files(), ids=lambda path: path.stem)
def test_an_export_read_again_has_the_same_digest(path):
    facts = folded(path.read_bytes())
    assert cases.digest(folded(cases.dump(facts))) == cases.digest(facts)


def changed(change) -> bytes:
    body = json.loads(case_file("02"))
    change(body["case"])
    return json.dumps(body).encode()


def reasons(raw: bytes) -> str:
    with pytest.raises(BadCase) as refused:
        interchange.read(raw)
    return "\n".join(refused.value.errors)


def test_broken_json_is_refused():
    assert "not JSON" in reasons(b'{"schema": ')


def test_another_schema_is_refused():
    assert "ionm-case/1" in reasons(b'{"schema": "ionm-case/9"}')


def test_an_unknown_zone_is_refused():
    assert "'Mars/Olympus' is not a time zone" in reasons(changed(lambda case: case.update(tz="Mars/Olympus")))


def test_an_impossible_latency_is_refused():
    def change(case):
        case["baselines"]["rows"][0]["lat_ms"] = 900

    assert "900" in reasons(changed(change))


def test_an_end_before_its_start_is_refused():
    def change(case):
        segment = case["time"]["segments"][0]
        segment["start"], segment["end"] = segment["end"], segment["start"]
        segment.pop("minutes")

    assert "before it starts" in reasons(changed(change))


def test_every_error_is_named_not_the_first_alone():
    def change(case):
        case["baselines"]["rows"][0]["lat_ms"] = 900
        case["physiology"][0]["map_mmhg"] = 9000
        case["surprise"] = 1

    said = reasons(changed(change))
    assert "900" in said and "9000" in said and "surprise" in said


def test_a_source_smuggled_in_is_refused():
    def change(case):
        case["events"][0]["src"] = "somebody-else"

    assert "unknown field 'src'" in reasons(changed(change))


def test_a_huge_file_is_refused_before_it_is_read():
    assert "bytes" in reasons(b" " * (interchange.MAX_BYTES + 1))
