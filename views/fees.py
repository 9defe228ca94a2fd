"""Fees: what the practice charges, what each contract allows and what Medicare allows, from a day on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import peewee as pw
from flask import Blueprint, abort, flash, redirect, request, url_for
from flask_wtf import FlaskForm
from wtforms import DateField, FileField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from actions import Refused, fees
from models import SETTINGS, Fee, Payer
from practice import coding, money
from practice.fees import Price, Prices, read
from views import actor, now, page, roles

bp = Blueprint("fees", __name__)
KINDS = {
    "charge": ("Our charges", "What the practice asks for one unit, whoever pays."),
    "contract": ("Contracts", "What a payer allows for one unit by its contract with the practice."),
    "medicare": (
        "Medicare here",
        "What the Medicare contractor of the practice's place allows. Without it, the national amount of the imported fee schedule is expected.",
    ),
}


class PricesForm(FlaskForm):
    from_on = DateField("Hold from", [DataRequired("Type the first date of service they hold for.")])
    source = StringField(
        "Where they stand", [Length(max=200)], description="The contract, the letter, the year's list."
    )
    file = FileField("CSV file")
    text = TextAreaField(
        "Or paste them", [Length(max=400_000)],
        description="A line each: code, modifier (26, TC or nothing), price of one unit. Such as 95938, 26, 250.00.",
    )  # fmt: skip


def today() -> date:
    return now().astimezone(SETTINGS.zone).date()


def find_list(kind: str, payer: int | None) -> Payer | None:
    """The payer of a contract; None for the lists that have none."""
    if kind not in KINDS or (kind == "contract" and payer is None):
        abort(404)
    return (Payer.get_or_none(Payer.id == payer) or abort(404)) if payer is not None else None


def address(kind: str, payer: int | None) -> str:
    """Where a list of prices is."""
    return url_for("fees.show", kind="contract", payer=payer) if payer else url_for("fees.show", kind=kind)


@bp.get("/fees")
@roles("owner", "biller")
def index():
    """Our charges, and beside each what a chosen payer should allow."""
    payers = list(Payer.select().where(Payer.archived_at.is_null()).order_by(Payer.name))
    given = request.args.get("payer", "")
    payer = next((one for one in payers if str(one.id) == given), None)
    prices = fees.prices(payer, today())
    keys = sorted({*prices.charges, *(key for key in prices.allowed if key[0] in coding.CODES)})
    counted = Fee.select(Fee.payer, pw.fn.COUNT(Fee.id)).where(Fee.kind == "contract").group_by(Fee.payer)
    contracts = dict(counted.tuples())
    return page(
        "fees/index.html", rows=[_shown(prices, *key) for key in keys], payers=payers, payer=payer, contracts=contracts,
        kinds=KINDS, uncharged=[] if not prices.charges else _uncharged(prices),
    )  # fmt: skip


def _shown(prices: Prices, code: str, part: str) -> tuple[str, str, str, str]:
    label = coding.CODES[code].label if code in coding.CODES else ""
    modifiers = (part,) if part else ()
    asked, allowed = prices.charge(code, modifiers, 1), prices.expected(code, modifiers, 1)
    return fees.named(code, part), label, _dollars(asked), _dollars(allowed)


def _dollars(cents: int | None) -> str:
    return "" if cents is None else money.dollars(cents)


def _uncharged(prices: Prices) -> list[str]:
    """Codes the app may put on a claim of a hospital case that have no charge, as they would stand there."""
    wanted = [(code, "26" if info.pc_tc == 1 else "") for code, info in coding.CODES.items()]
    return [fees.named(*key) for key in wanted if key not in prices.charges]


@bp.get("/fees/lists/<kind>")
@bp.get("/fees/contracts/<row:payer>", defaults={"kind": "contract"})
@roles("owner", "biller")
def show(kind: str, payer: int | None = None):
    return _show_page(kind, find_list(kind, payer), PricesForm(formdata=None, from_on=None))


def _show_page(
    kind: str, payer: Payer | None, form: PricesForm, status: int = 200, *,
    reasons: Sequence[str] = (), seen: Sequence[fees.Change] = (), text: str = "",
):  # fmt: skip
    title, sentence = KINDS[kind]
    return page(
        "fees/show.html", status, kind=kind, payer=payer, form=form, reasons=reasons, seen=seen, text=text, sentence=sentence,
        title=f"{title}: {payer.name}" if payer else title, rows=list(fees.in_use(kind, payer, today())),
        to_come=list(fees.rows_of(kind, payer).where(Fee.from_on > today()).order_by(Fee.from_on, Fee.code)),
        dollars=money.dollars, named=fees.named, today=today(), here=address(kind, payer.id if payer else None),
    )  # fmt: skip


@bp.post("/fees/lists/<kind>")
@bp.post("/fees/contracts/<row:payer>", defaults={"kind": "contract"})
@roles("owner", "biller")
def take_in(kind: str, payer: int | None = None):
    """First shows what the list says and changes; with `confirmed` all of it holds from the day given."""
    whose, form = find_list(kind, payer), PricesForm()
    try:
        raw = form.file.data.read() if form.file.data else b""
        text = raw.decode("utf-8-sig") if raw else form.text.data or ""
    except UnicodeDecodeError:
        return _show_page(
            kind, whose, form, 422, reasons=["The file is not text in UTF-8. Save it as CSV UTF-8 and send it again."]
        )
    prices, errors = read(text)
    if not form.validate() or errors:
        return _show_page(kind, whose, form, 422, reasons=errors)
    try:
        return _kept_or_seen(kind, whose, form, prices, text)
    except Refused as refused:
        return _show_page(kind, whose, form, 422, reasons=refused.reasons)


def _kept_or_seen(kind: str, payer: Payer | None, form: PricesForm, prices: list[Price], text: str):
    from_on = form.from_on.data
    if "confirmed" not in request.form:
        return _show_page(kind, payer, form, seen=fees.changes(kind, payer, prices, from_on), text=text)
    count = fees.take_in(kind, payer, prices, from_on=from_on, source=(form.source.data or "").strip(), by=actor())
    flash(
        f"{count} {'price' if count == 1 else 'prices'} from {from_on:%m/%d/%Y} on. Those that did not change stay as they are."
    )
    return redirect(address(kind, payer.id if payer else None), 303)


@bp.post("/fees/prices/<row:id>/ending")
@roles("owner", "biller")
def end(id: int):
    """A price that holds ends today; one that is still to come is taken back."""
    fee = Fee.get_or_none(Fee.id == id) or abort(404)
    fees.end(fee, on=today(), by=actor())
    flash("Ended." if fee.from_on <= today() else "Taken back.")
    return redirect(address(fee.kind, fee.payer_id), 303)
