"""Claims: the board, a claim's page with its whole story, and the acts on it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, request, url_for

from actions import Refused, answers, audit, claim_bodies, claims, fees, weighing
from models import (
    SETTINGS,
    AnswerFile,
    Case,
    Claim,
    ClaimAct,
    ClaimAnswer,
    ClaimFile,
    ClaimInFile,
    FileAct,
    Hold,
    Packet,
    Payer,
    Person,
)
from practice import claim_states as states
from practice import coding, scrub
from practice.money import dollars
from practice.spreadsheet import Amount, csv_text
from views import actor, claim_board, now, page, roles
from views.claim_board import LABELS, NEEDS, UNCODED, UNSIGNED, Asked
from views.claim_forms import ADJUSTMENTS, DecisionForm, NextPayerForm, letters
from views.mending import mend, mended_at

bp = Blueprint("claims", __name__)
FEW = 6
"""Rows of each state on the first page of the board."""
EXPORTED = 5000


def find_claim(id: int) -> Claim:
    """The claim of this number of a row, with its case and payer."""
    claim = Claim.select(Claim, Payer).join(Payer).where(Claim.id == id).first()
    if claim is None:
        abort(404)
    claim.case = Case.with_header(claim.case_id)
    return claim


def find_hold(claim: Claim, id: int) -> Hold:
    hold = Hold.get_or_none(Hold.id == id, Hold.claim == claim.id)
    if hold is None:
        abort(404)
    return hold


def today() -> date:
    return now().astimezone(SETTINGS.zone).date()


# The board


@bp.get("/claims")
@roles("owner", "biller", "auditor")
def board():
    """What money waits for: every claim by state, the oldest and dearest first."""
    if text := request.args.get("q", "").strip()[:50]:
        return _found(text)
    return _board(_asked())


def _asked() -> Asked:
    """What the address asks for; what makes no sense is not asked for."""
    state = request.args.get("state", "")
    return Asked(
        state=state if state in LABELS else "",
        payer=request.args.get("payer", type=_row),
        facility=request.args.get("facility", type=_row),
        after=_key(request.args.get("after", "")),
    )


def _row(text: str) -> int:
    number = int(text)
    if not 0 < number < 2**63:
        raise ValueError(text)
    return number


def _key(text: str) -> tuple[str, int, int] | None:
    try:
        day, amount, id = text.split("_")
        return date.fromisoformat(day).isoformat(), _row(str(int(amount) + 1)) - 1, _row(id)
    except ValueError:
        return None


def _found(text: str):
    """A claim by its number, ours or the payer's: the one that is found opens."""
    found = claim_board.found(text)
    if len(found) == 1:
        return redirect(url_for("claims.show", id=found[0].id), 303)
    audit.viewed(actor(), "claim", shown=len(found))
    return page("claims/found.html", query=text, found=found, words=states.WORDS)


def _board(asked: Asked, status: int = 200, stayed: dict[str, list[str]] | None = None):
    on = today()
    money = claim_board.standing(replace(asked, after=None), on)
    shown = [asked.state] if asked.state else [name for name in NEEDS if money.of(name).count]
    most = claim_board.PAGE if asked.state else FEW
    groups = []
    for name in shown:
        rows = claim_board.rows(asked, name, most)
        groups.append((name, LABELS[name], rows[:most], len(rows) > most))
    audit.viewed(actor(), "claim", shown=sum(len(rows) for _, _, rows, _ in groups))
    payers, facilities = claim_board.choices()
    last = groups[0][2][-1] if asked.state and groups[0][3] else None
    return page(
        "claims/board.html", status, asked=asked, groups=groups, money=money, bars=claim_board.bars(money), words=_words(),
        soon=lambda day: claim_board.soon(day, on), today=on, state_links=_state_links(asked, money), stayed=stayed or {},
        payers=_links(asked, "payer", payers, "All payers"), facilities=_links(asked, "facility", facilities, "All hospitals"),
        more=_address(asked, after=claim_board.key(last)) if last else "", first=_address(asked) if asked.after else "",
        uncoded=UNCODED, unsigned=UNSIGNED, address=lambda state: _address(asked, state=state),
    )  # fmt: skip


def _words() -> dict[str, tuple[str, str]]:
    return {**states.WORDS, UNCODED: ("due", "to be coded"), UNSIGNED: ("blocked", "not signed")}


def _address(asked: Asked, **changed: Any) -> str:
    """The board with what is asked now, one thing changed."""
    wanted = {"state": asked.state, "payer": asked.payer, "facility": asked.facility, **changed}
    return url_for("claims.board", **{name: value for name, value in wanted.items() if value})


def _state_links(asked: Asked, money: claim_board.Standing) -> list[tuple[str, str, bool, int | None]]:
    links = [("What needs us", _address(asked, state=""), not asked.state, None)]
    for name, label in LABELS.items():
        count = money.of(name).count if name in NEEDS else None
        if count or name == asked.state or name == "paid":
            links.append((label, _address(asked, state=name), name == asked.state, count))
    return links


def _links(asked: Asked, what: str, rows: list[tuple[int, str]], every: str) -> list[tuple[str, str, bool, None]]:
    if len(rows) < 2:
        return []
    chosen = getattr(asked, what)
    found = [(every, _address(asked, **{what: None}), chosen is None, None)]
    return [*found, *((name, _address(asked, **{what: id}), id == chosen, None) for id, name in rows)]


@bp.get("/claims.csv")
@roles("owner", "biller")
def export():
    """The claims of a state, or all outstanding ones, as a table for a spreadsheet."""
    asked = _asked()
    names = [asked.state] if asked.state else list(NEEDS)
    rows = [row for name in names for row in claim_board.rows(asked, name, EXPORTED)]
    audit.record(actor(), "export", "claim", rows=len(rows))
    head = ["Number", "State", "Date of service", "Patient", "Procedure", "Hospital", "Payer", "Charged", "File by"]
    table = (
        (
            row.number, LABELS[row.state], row.date_of_service, row.patient, row.procedure, row.facility, row.payer,
            Amount(row.cents) if row.cents is not None else None, row.file_by,
        )
        for row in rows
    )  # fmt: skip
    return Response(
        csv_text(head, table),
        mimetype="text/csv",
        headers={"Content-Disposition": f"attachment; filename=claims-{today()}.csv"},
    )


@bp.post("/claims/releases")
@roles("owner", "biller")
def release():
    """Release the chosen claims, each by itself; what stays is told with its reasons."""
    chosen = [int(one) for one in request.form.getlist("claim") if one.isascii() and one.isdigit() and len(one) < 19]
    if not chosen:
        flash("Choose the claims to release first.", "warning")
        return redirect(url_for("claims.board", state="coded"), 303)
    gone, stayed = claims.release(Claim.select().where(Claim.id.in_(chosen)), by=actor(), now=now())
    if gone:
        flash(
            f"{len(gone)} claim{'s' if len(gone) > 1 else ''} released, {dollars(sum(one.total_cents for one in gone))}."
        )
    if stayed:
        return _board(Asked(state="coded"), 422, stayed)
    return redirect(url_for("claims.board", state="released"), 303)


# A claim


@bp.get("/claims/<row:id>")
@roles("owner", "biller", "auditor")
def show(id: int):
    return _show(find_claim(id))


def _show(claim: Claim, status: int = 200, reasons: list[str] | None = None, words: str = ""):
    case, body = claim_bodies.as_billed(claim.case), claims.body(claim)
    audit.viewed(actor(), "claim", row_id=claim.id, case_id=claim.case_id)
    open_now = claim.state in states.UNSENT
    weighed = weighing.weigh(case, body) if open_now and claim.frequency != "8" else None
    coded = weighed.coding if weighed else weighing.coded_by(case, case.facts(), shares=_shares(case))
    first = Claim.get_by_id(claim.replaces_id) if claim.replaces_id else None
    return page(
        "claims/show.html", status, claim=claim, case=case, body=body, reasons=reasons or [], words=states.WORDS,
        said=words, lines=_lines(claim, body, coded), letters=letters, coded=coded, steps=states.STEPS,
        acts=states.by_hand(claim.state), history=_history(claim), holds=_holds(claim),
        findings=[(one, *mend(case, weighed, one)) for one in weighed.findings] if weighed else [],
        asks={one.id: one for one in scrub.RULES}, first=first,
        changes=claims.changes_of(claim),
        stale=claims.changed_since(claim) if open_now and claim.frequency != "8" else [], labels=_label,
        successors=list(Claim.select().where(Claim.replaces == claim.id).order_by(Claim.id)),
        others=list(Claim.select().where(Claim.case == claim.case_id, Claim.id != claim.id).order_by(Claim.id)),
        files=_files(claim), answers=_answers(claim), advice=answers.ADVICE, next_payers=_next_payers(claim),
        papers=list(Packet.select().where(Packet.case == claim.case_id, Packet.preview == False).order_by(Packet.id.desc()).limit(5)),  # noqa: E712
        soon=claim_board.soon(claim.file_by, today()) if open_now else "", replaceable=claim.state in states.SENT and claim.frequency != "8",
        unsent=open_now, way=_way(claim),
    )  # fmt: skip


def _way(claim: Claim) -> tuple[str, str] | None:
    """How a released claim leaves: the file it stands in, the file it may go into, or paper."""
    if claim.state != "released":
        return None
    if claim.payer.receiver_id is None:
        return url_for("paper_claims.listing", claim=claim.id), "Print and mail it"
    settled = FileAct.select(FileAct.file)
    rows = ClaimFile.select().join(ClaimInFile).where(ClaimInFile.claim == claim.id, ClaimFile.id.not_in(settled))
    if file := rows.where(ClaimFile.usage == "P").order_by(ClaimFile.id.desc()).first():
        return url_for("claim_files.show", id=file.id), "Hand its file in"
    return url_for("claim_files.choose", id=claim.payer.receiver_id), "Put it in a file"


def _shares(case: Case) -> dict[str, Any]:
    from actions import ledger

    return ledger.shares(case, ledger.of_case(case, case.facts()))


def _lines(claim: Claim, body: Any, coded: coding.Coding) -> list[dict[str, Any]]:
    """Each line with its money and the arithmetic that the record gives for it."""
    prices = fees.prices(claim.payer, claim.date_of_service)
    proofs = list(coded.lines)
    found = []
    for line in body.lines:
        proof = next((one for one in proofs if one.code == line.code), None)
        if proof:
            proofs.remove(proof)
        reader = line.rendering or body.rendering
        found.append(
            {
                "line": line, "proof": proof if proof and proof.units == line.units else None,
                "label": coding.CODES[line.code].label if line.code in coding.CODES else "",
                "expected": prices.expected(line.code, line.modifiers, line.units),
                "reader": f"{reader.first} {reader.name}" if reader else "",
            }
        )  # fmt: skip
    return found


def _history(claim: Claim) -> list[tuple[ClaimAct, str]]:
    acts = list(ClaimAct.select().where(ClaimAct.claim == claim.id).order_by(ClaimAct.id.desc()))
    return _by_whom(acts)


def _holds(claim: Claim) -> list[tuple[Hold, str]]:
    return _by_whom(list(Hold.select().where(Hold.claim == claim.id).order_by(Hold.id.desc())))


def _by_whom(rows: list[Any]) -> list[tuple[Any, str]]:
    names = dict(
        Person.select(Person.id, Person.name).where(Person.id.in_([row.by for row in rows if row.by])).tuples()
    )
    return [(row, names.get(row.by, "the app")) for row in rows]


def _files(claim: Claim) -> list[ClaimFile]:
    return list(ClaimFile.select().join(ClaimInFile).where(ClaimInFile.claim == claim.id).order_by(ClaimFile.id.desc()))


def _answers(claim: Claim) -> list[ClaimAnswer]:
    rows = ClaimAnswer.select(ClaimAnswer, AnswerFile).join(AnswerFile).where(ClaimAnswer.claim == claim.id)
    return list(rows.order_by(ClaimAnswer.id.desc()))


def _next_payers(claim: Claim) -> list[Payer]:
    """The patient's further insurers on the day, while this one can have decided and none after it was asked."""
    if claim.state not in states.SENT or claim.sequence == "T" or claim.frequency == "8":
        return []
    after = "S" if claim.sequence == "P" else "T"
    asked = Claim.case == claim.case_id, Claim.sequence == after, Claim.state.not_in(states.GONE)
    if Claim.select().where(*asked).exists():
        return []
    mine = [row.payer_id for row in Claim.select(Claim.payer).where(Claim.case == claim.case_id)]
    rows = claim_bodies.coverages_on(claim.case.patient, claim.date_of_service)
    return [row.payer for row in rows if row.payer_id not in mine and row.payer.payer_class != "self_pay"]


NAMES = {
    "lines": "Line", "diagnoses": "Diagnosis", "charge_cents": "charge", "units": "units", "modifiers": "modifier",
    "pointers": "diagnosis pointer", "others": "Other insurance", "attachments": "Paper", "on": "date", "dob": "date of birth",
}  # fmt: skip


def _label(path: str) -> str:
    """lines.2.charge_cents as Line 2, charge."""
    parts = [NAMES.get(part, part.replace("_", " ")) for part in path.split(".")]
    said = ""
    for part in parts:
        said += f" {part}" if part.isdigit() else (f", {part}" if said else part)
    return said[:1].upper() + said[1:]


@bp.app_template_filter("claim_value")
def claim_value(text: str, path: str) -> str:
    """A changed value as people write it: cents as dollars."""
    return dollars(int(text)) if path.endswith("_cents") and text.lstrip("-").isdigit() else text


def _done(claim: Claim):
    return redirect(url_for("claims.show", id=claim.id), 303)


@bp.post("/claims/<row:id>/acts")
@roles("owner", "biller")
def act(id: int):
    """One of the acts a person may choose: released, sent, accepted, rejected, paid, denied, withdrawn, a note."""
    claim, what, words = find_claim(id), request.form.get("act", ""), request.form.get("words", "")[:2000]
    if what not in (*states.by_hand(claim.state), "note"):
        return _show(
            claim,
            422,
            [f"Claim {claim.number} is {states.WORDS[claim.state][1]}; that cannot follow. See what can below."],
            words,
        )
    try:
        claim = claims.act(claim, what, by=actor(), now=now(), words=words)
    except Refused as refused:
        return _show(claim, 422, refused.reasons, words)
    flash(f"Claim {claim.number}: {states.STEPS[what].tells.lower()}.")
    return _done(claim)


@bp.post("/claims/<row:id>/holds")
@roles("owner", "biller")
def hold(id: int):
    claim = find_claim(id)
    try:
        claims.hold(claim, reason=request.form.get("reason", "")[:500], by=actor(), now=now())
    except Refused as refused:
        return _show(claim, 422, refused.reasons)
    return _done(claim)


@bp.post("/claims/<row:id>/holds/<row:hold>/settlement")
@roles("owner", "biller")
def clear(id: int, hold: int):
    claim = find_claim(id)
    try:
        claims.clear(find_hold(claim, hold), reason=request.form.get("reason", "")[:500], by=actor(), now=now())
    except Refused as refused:
        return _show(claim, 422, refused.reasons)
    return _done(claim)


@bp.post("/claims/<row:id>/remaking")
@roles("owner", "biller")
def remake(id: int):
    """Withdraw it and make it of the case as it is now."""
    claim = find_claim(id)
    try:
        made = claims.remake(claim, by=actor(), now=now())
    except Refused as refused:
        return _show(claim, 422, refused.reasons)
    flash(f"Claim {made.number} is made of the case as it is now; {claim.number} is withdrawn.")
    return _done(made)


# Corrected and void


@bp.get("/claims/<row:id>/replacement")
@roles("owner", "biller")
def replacement(id: int):
    return _replacement(find_claim(id))


def _replacement(claim: Claim, status: int = 200, reasons: list[str] | None = None, number: str | None = None):
    """What a corrected claim would change, and the form for the payer's number."""
    audit.viewed(actor(), "claim", row_id=claim.id, case_id=claim.case_id)
    gathered = claim_bodies.gather(claim.case, claim.payer if claim.sequence != "P" else None, claim.sequence)
    return page(
        "claims/replacement.html", status, claim=claim, reasons=reasons or [], changes=claims.changed_since(claim),
        number=claim.payer_control if number is None else number, labels=_label, lacks=_linked(claim.case, gathered.lacks),
        objections=claims.objections_to_replacing(claim, "given"),
    )  # fmt: skip


def _linked(case: Case, lacks: list[claim_bodies.Lack]) -> list[tuple[str, str, str]]:
    """Each lack with the address where it is mended and the words of that link."""
    return [(lack.words, *mended_at(case, lack)) for lack in lacks]


@bp.post("/claims/<row:id>/replacement")
@roles("owner", "biller")
def replace_claim(id: int):
    """Make the corrected claim (7) or the void (8)."""
    claim, number = find_claim(id), request.form.get("payer_control", "")[:50]
    make = claims.void if request.form.get("kind") == "void" else claims.correct
    try:
        made = make(claim, payer_control=number, by=actor(), now=now())
    except Refused as refused:
        return _replacement(claim, 422, refused.reasons, number)
    flash(f"Claim {made.number} is made; look at it and release it.")
    return _done(made)


# The next payer


@bp.get("/claims/<row:id>/next-payer")
@roles("owner", "biller")
def next_payer(id: int):
    claim = find_claim(id)
    forms = _next_forms(claim)
    return _next_page(claim, *forms)


def _next_forms(claim: Claim) -> tuple[NextPayerForm, list[DecisionForm]]:
    form = NextPayerForm(payer_control=claim.payer_control)
    form.payer.choices = [(one.id, one.name) for one in _next_payers(claim)]
    return form, [DecisionForm(prefix=f"line{n}-") for n, _ in enumerate(claims.body(claim).lines, 1)]


def _next_page(
    claim: Claim, form: NextPayerForm, lines: list[DecisionForm], status: int = 200, reasons: list[str] | None = None
):
    audit.viewed(actor(), "claim", row_id=claim.id, case_id=claim.case_id)
    body = claims.body(claim)
    return page(
        "claims/next_payer.html", status, claim=claim, form=form, lines=list(zip(body.lines, lines, strict=True)),
        reasons=reasons or [], payers=form.payer.choices, room=ADJUSTMENTS,
    )  # fmt: skip


@bp.post("/claims/<row:id>/next-payer")
@roles("owner", "biller")
def bill_next(id: int):
    """Keep what the payer decided and make the claim to the next one. It must balance, line by line."""
    claim = find_claim(id)
    form, lines = _next_forms(claim)
    good = [one.validate() for one in (form, *lines)]
    if not all(good):
        return _next_page(claim, form, lines, 422)
    try:
        made = claims.bill_next(
            claim, payer=Payer.get_by_id(form.payer.data), decided_on=form.decided_on.data,
            payer_control=form.payer_control.data, lines=[one.decision() for one in lines], by=actor(), now=now(),
        )  # fmt: skip
    except Refused as refused:
        return _next_page(claim, form, lines, 422, refused.reasons)
    flash(f"Claim {made.number} to {made.payer.name} is made; look at it and release it.")
    return _done(made)
