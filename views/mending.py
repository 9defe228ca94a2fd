"""Where what a claim lacks is filled in: the address and the words of its link, for this person."""

from __future__ import annotations

from flask import url_for

from actions.claim_bodies import Lack
from models import Case
from views import me
from views.place_forms import NOUNS as PLACES

NOUNS = {
    "payer": "payers", "facility": "facilities", "surgeon": "surgeons", "patient": "patients", "biller": "billing-providers",
}  # fmt: skip


def mended_at(case: Case, lack: Lack) -> tuple[str, str]:
    """The page on which a lack is mended; empty where this person cannot go."""
    if lack.where == "billing":
        return url_for("billings.show", id=case.id, _anchor="form"), "Fill in the billing form"
    if lack.where in NOUNS and me().has("owner", "biller"):
        noun = PLACES[NOUNS[lack.where]]
        if lack.id is None:
            return url_for("places.new", noun=noun.path), f"Add the {noun.one}"
        return url_for("places.edit", noun=noun.path, id=lack.id), f"Open the {noun.one}"
    if lack.where == "fees":
        return url_for("fees.index"), "Open the fees"
    if lack.where == "person" and me().has("owner"):
        return url_for("people.show", id=lack.id), "Open the person"
    if lack.where == "lines":
        return url_for("packets.show", id=case.id, _anchor="lines"), "See the lines"
    if lack.where in ("case", "people"):
        return url_for("cases.show", id=case.id), "Open the case"
    return "", ""
