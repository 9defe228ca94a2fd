"""Fees in the app: lists taken whole, prices that end when others begin, what a payer should allow on a day."""

from __future__ import annotations

import io
from datetime import date

import pytest

from actions import Refused, fees
from models import AuditEntry, Fee, Payer
from practice.fees import Price
from tests.cast import actor
from tests.test_tables import loaded

LIST = "95938,26,250.00\n95940,,90.50\n"
DAY = date(2026, 9, 1)


@pytest.fixture
def bo(client_for, cast):
    return client_for(cast.bo)


def test_a_list_is_shown_first_and_kept_when_confirmed(bo):
    assert "No charges yet" in bo.get("/fees").get_data(as_text=True)
    page = bo.post("/fees/lists/charge", data={"from_on": "2026-01-01", "text": LIST}).get_data(as_text=True)
    assert "Keep all 2" in page and "$250.00" in page and not Fee.select().exists()
    kept = {"from_on": "2026-01-01", "text": LIST, "source": "List of 2026", "confirmed": "y"}
    assert bo.post("/fees/lists/charge", data=kept).status_code == 303
    assert fees.prices(None, DAY).charge("95938", ("26",), 1) == 25_000
    assert fees.prices(None, date(2025, 12, 31)).charges == {}
    page = bo.get("/fees").get_data(as_text=True)
    assert "95938-26" in page and "No charge yet for" in page
    assert AuditEntry.select().where(AuditEntry.noun == "fee", AuditEntry.action == "import").count() == 1


def test_a_file_is_taken_as_the_text_is(bo):
    file = (io.BytesIO(b"\xef\xbb\xbfcode,modifier,price\n95938,26,1.00\n"), "fees.csv")
    assert (
        bo.post("/fees/lists/charge", data={"from_on": "2026-01-01", "file": file, "confirmed": "y"}).status_code == 303
    )
    assert Fee.get().cents == 100
    file = (io.BytesIO(b"\xff\xfe"), "fees.csv")
    assert bo.post("/fees/lists/charge", data={"from_on": "2026-01-01", "file": file}).status_code == 422


def test_one_wrong_line_keeps_all_out_and_what_was_typed(bo):
    text = LIST + "95941,,lots\n"
    answer = bo.post("/fees/lists/charge", data={"from_on": "2026-01-01", "text": text, "confirmed": "y"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422 and "Line 3" in page and "95941,,lots" in page
    assert bo.post("/fees/lists/charge", data={"from_on": "", "text": LIST, "confirmed": "y"}).status_code == 422
    assert not Fee.select().exists()


def keep(cast, prices, from_on, kind="charge", payer=None):
    return fees.take_in(kind, payer, prices, from_on=from_on, source="", by=actor(cast.bo))


def test_a_new_price_ends_the_old_one_and_the_day_chooses(cast):
    keep(cast, [Price("95940", "", 100), Price("95941", "", 500)], date(2026, 1, 1))
    assert keep(cast, [Price("95940", "", 120), Price("95941", "", 500)], date(2026, 7, 1)) == 1, (
        "what stays is not written anew"
    )
    assert [fees.prices(None, on).charge("95940", (), 1) for on in (date(2026, 6, 30), date(2026, 7, 1))] == [100, 120]
    assert Fee.get(Fee.cents == 100).until_on == date(2026, 6, 30)
    keep(cast, [Price("95940", "", 130)], date(2026, 7, 1))
    assert fees.prices(None, DAY).charge("95940", (), 1) == 130, "the same day again takes the first one's place"
    assert Fee.select().where(Fee.code == "95940").count() == 2
    with pytest.raises(Refused, match="95940 has a price from 07/01/2026"):
        keep(cast, [Price("95941", "", 1), Price("95940", "", 1)], date(2026, 3, 1))
    assert fees.prices(None, DAY).charge("95941", (), 1) == 500, "none of a refused list is kept"


def test_a_contract_belongs_to_its_payer(bo, cast):
    keep(cast, [Price("95940", "", 4_306)], date(2026, 1, 1), "contract", cast.acme)
    assert fees.prices(cast.acme, DAY).expected("95940", (), 2) == 8_612
    assert fees.prices(cast.medicare, DAY).expected("95940", (), 2) is None
    assert fees.prices(Payer.create(name="Other", payer_class="commercial"), DAY).expected("95940", (), 1) is None
    assert bo.get(f"/fees/contracts/{cast.acme.id}").status_code == 200
    assert "$43.06" in bo.get(f"/fees?payer={cast.acme.id}").get_data(as_text=True)
    for path in ("/fees/lists/contract", "/fees/contracts/9999", "/fees/lists/gift"):
        assert bo.get(path).status_code == 404
    with pytest.raises(Refused, match="choose which"):
        keep(cast, [Price("95940", "", 1)], DAY, "contract")
    with pytest.raises(Refused, match="choose which"):
        keep(cast, [Price("95940", "", 1)], DAY, "charge", cast.acme)


def test_medicare_allows_by_the_imported_schedule_and_the_place_overrules_it(cast):
    loaded("rvu")
    assert fees.prices(cast.medicare, DAY).expected("95938", ("26",), 1) == 4_461
    assert fees.prices(cast.medicare, DAY).expected("95938", (), 1) is None, "the whole is not priced in a facility"
    assert fees.prices(cast.medicare, date(2026, 6, 30)).expected("95940", (), 1) is None, "no edition of that day"
    advantage = Payer.create(name="Plan", payer_class="medicare_advantage")
    assert fees.prices(advantage, DAY).expected("95940", (), 4) == 12_648
    assert fees.prices(cast.acme, DAY).allowed == {}
    keep(cast, [Price("95940", "", 3_300)], date(2026, 8, 1), "medicare")
    assert fees.prices(cast.medicare, DAY).expected("95940", (), 1) == 3_300
    keep(cast, [Price("95940", "", 3_500)], date(2026, 8, 1), "contract", advantage)
    assert fees.prices(advantage, DAY).expected("95940", (), 1) == 3_500


def test_a_price_is_ended_or_taken_back(bo, cast):
    keep(cast, [Price("95940", "", 100)], date(2026, 1, 1))
    keep(cast, [Price("95941", "", 100)], date(2099, 1, 1))
    for row in Fee.select():
        assert bo.post(f"/fees/prices/{row.id}/ending").status_code == 303
    assert [row.code for row in Fee.select()] == ["95940"]
    assert Fee.get().until_on is not None
    assert bo.post("/fees/prices/999/ending").status_code == 404


def test_who_does_not_bill_sees_no_fees(client_for, cast):
    assert client_for(cast.tess).get("/fees").status_code == 403
