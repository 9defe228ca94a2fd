"""The rules that claims must pass: what each asks, how often it fired, the practice's own, and findings let pass."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from typing import Any

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import Length

from actions import Refused, audit, overrides, rules, weighing
from models import SETTINGS, Case, OwnRule, Person
from practice import claim_states, own_rules, scrub
from practice.own_rules import COMPARISONS, PROPERTIES, THEN, Condition
from views import actor, now, page, roles
from views.packets import find_case

bp = Blueprint("rules", __name__)
BUILT_IN = {rule.id: rule for rule in scrub.RULES}
OUTCOMES = {
    "paid": ("ok", "paid"),
    "denied": ("blocked", "denied"),
    "overridden": ("due", "let pass"),
    "open": ("unknown", "open"),
    "unbilled": ("unknown", "no claim yet"),
}
ABOUT = list(dict.fromkeys(one.about for one in PROPERTIES.values()))
_INPUT = {"money": "decimal", "minutes": "numeric", "number": "numeric"}
UNITS = {"money": "$", "minutes": "min", "date": "year-month-day"}


class RuleForm(FlaskForm):
    name = StringField("Name", [Length(max=80)], description="Short; it stands before what the rule says.")
    then = SelectField(
        "Then", choices=list(THEN.items()), validate_choice=False,
        description="A hold keeps the claim until somebody lets it go with a reason; a note keeps it until one is written; a warning only says it.",
    )  # fmt: skip
    message = TextAreaField("What to do", [Length(max=300)], description="Said to whoever meets the rule.")


class OverrideForm(FlaskForm):
    reason = TextAreaField(
        "Reason",
        [Length(max=1000)],
        description="Why the claim may go all the same. It is kept with your name and the time.",
    )


def today() -> date:
    return now().astimezone(SETTINGS.zone).date()


# All rules


@bp.get("/rules")
@roles("owner", "biller", "auditor")
def listing():
    """Every rule with how often it fired in the last 12 months."""
    tallies = rules.tallies(now())
    wanted = request.args.get("show", "all")
    themes = [
        (title, [one for one in scrub.RULES if one.theme == theme and (wanted != "fired" or one.id in tallies)])
        for theme, title in scrub.THEMES.items()
    ]
    return page(
        "rules/listing.html", themes=[(title, some) for title, some in themes if some], tallies=tallies, wanted=wanted,
        own=weighing.own(everything=True), outcomes=OUTCOMES, severities=SEVERITIES, then=THEN, came=_came, count=len(scrub.RULES),
    )  # fmt: skip


SEVERITIES = {"block": ("blocked", "blocks"), "error": ("blocked", "needs a reason"), "warn": ("due", "warns"), "info": ("unknown", "notes")}  # fmt: skip


def _came(tally: rules.Tally | None) -> str:
    """What became of the claims a rule fired on, in words."""
    if tally is None:
        return "never"
    return ", ".join(f"{tally.outcomes[name]} {word}" for name, (_, word) in OUTCOMES.items() if tally.outcomes[name])


@bp.get("/rules/<name>")
@roles("owner", "biller", "auditor")
def show(name: str):
    """One rule: what it asks and its source, and where it fired."""
    fired = rules.firings(name, now())
    audit.viewed(actor(), "rule", listed=sorted({row.case_id for row, _ in fired}))
    shared: dict[str, Any] = {
        "fired": fired, "tally": rules.tallies(now()).get(name), "outcomes": OUTCOMES, "came": _came, "severities": SEVERITIES,
        "most": len(fired) == rules.MOST_SHOWN,
    }  # fmt: skip
    if name in BUILT_IN:
        return page("rules/show.html", rule=BUILT_IN[name], theme=scrub.THEMES[BUILT_IN[name].theme], **shared)
    versions = _versions(name)
    names = dict(Person.select(Person.id, Person.name).tuples())
    return page(
        "rules/own.html", rule=weighing.as_rule(versions[0]), versions=[(row, weighing.as_rule(row), names.get(row.by, "")) for row in versions],
        then=THEN, said=own_rules.said, **shared,
    )  # fmt: skip


def _versions(name: str) -> list[OwnRule]:
    number = name.removeprefix("OWN-")
    found = rules.versions(int(number)) if name.startswith("OWN-") and number.isdigit() and len(number) < 9 else []
    if not found:
        abort(404)
    return found


@bp.get("/rules/properties")
@roles("owner", "biller", "auditor")
def properties():
    """What own rules can ask, made from the catalogue."""
    groups = [(about, [one for one in PROPERTIES.values() if one.about == about]) for about in ABOUT]
    fits = {kind: [one.words(kind) for one in COMPARISONS.values() if kind in one.kinds] for kind in own_rules.KINDS}
    return page("rules/properties.html", groups=groups, fits=fits, kinds=own_rules.KINDS)


# The practice's own rules


@bp.get("/rules/new")
@roles("owner")
def new():
    return _editor(RuleForm(formdata=None), [Condition("", "", "")], None)


@bp.get("/rules/<name>/edit")
@roles("owner")
def edit(name: str):
    last = weighing.as_rule(_versions(name)[0])
    form = RuleForm(formdata=None, name=last.name, then=last.then, message=last.message)
    return _editor(form, list(last.conditions), last)


@bp.post("/rules/drafts")
@roles("owner")
def draft():
    """The form again with a row more or less, or with what the rule would have done in the last 12 months."""
    form, typed, last = RuleForm(), _typed(), _changed()
    if "add" in request.form:
        typed.append(Condition("", "", ""))
    if (gone := request.form.get("remove", "")).isdigit() and len(gone) < 3 and int(gone) < len(typed):
        del typed[int(gone)]
    if "try" not in request.form:
        return _editor(form, typed or [Condition("", "", "")], last)
    asked = _asked(typed)
    reasons = rules.objections(
        form.name.data or "", asked, form.then.data or "", form.message.data or "", last.number if last else None
    )
    if reasons or not form.validate():
        return _editor(form, typed, last, reasons=reasons, status=422)
    return _editor(form, typed, last, replayed=rules.replay(_rule(form, asked, last), today=today()))


@bp.post("/rules")
@roles("owner")
def keep():
    """Keep a version: turned on only when what it would have done was looked at."""
    form, typed, last = RuleForm(), _typed(), _changed()
    asked, on = _asked(typed), "on" in request.form
    if on and request.form.get("shown") != _mark(form, asked):
        return _editor(form, typed, last, status=422, reasons=["Look first at what the rule would have done in the last 12 months; then turn it on."])  # fmt: skip
    if not form.validate():
        return _editor(form, typed, last, status=422)
    try:
        row = rules.keep(
            name=form.name.data or "", conditions=asked, then=form.then.data or "", message=form.message.data or "",
            number=last.number if last else None, on=on, by=actor(), now=now(),
        )  # fmt: skip
    except Refused as refused:
        return _editor(form, typed, last, reasons=refused.reasons, status=422)
    flash("The rule is on. Claims are held against it from now on." if on else "The rule is kept and off.")
    return redirect(url_for("rules.show", name=f"OWN-{row.number}"), 303)


@bp.post("/rules/<name>/off")
@roles("owner")
def turn_off(name: str):
    rules.switch(_versions(name)[0].number, on=False, by=actor(), now=now())
    flash("The rule is off. It can be turned on again after a look at what it would have done.")
    return redirect(url_for("rules.show", name=name), 303)


def _typed() -> list[Condition]:
    """The rows as they were typed, three fields each."""
    given = request.form
    rows = zip(given.getlist("property"), given.getlist("comparison"), given.getlist("value"), strict=False)
    return [Condition(*(text[:200] for text in row)) for row in rows][: own_rules.MOST + 1]


def _asked(typed: Sequence[Condition]) -> list[Condition]:
    """The rows without those left wholly empty; a value that is not needed is dropped."""
    return [
        Condition(one.property, one.comparison, one.value.strip() if _needs(one.comparison) else "")
        for one in typed
        if one.property or one.value.strip()
    ]


def _needs(comparison: str) -> bool:
    return comparison not in COMPARISONS or COMPARISONS[comparison].needs_value


def _changed() -> own_rules.OwnRule | None:
    """The rule that is being changed, as it is now."""
    name = request.form.get("changes", "")
    return weighing.as_rule(_versions(name)[0]) if name else None


def _rule(form: RuleForm, asked: Sequence[Condition], last: own_rules.OwnRule | None) -> own_rules.OwnRule:
    return own_rules.OwnRule(
        number=last.number if last else 0, name=(form.name.data or "").strip(), conditions=tuple(asked),
        then=form.then.data, message=form.message.data or "",
    )  # fmt: skip


def _mark(form: RuleForm, asked: Sequence[Condition]) -> str:
    """Says that exactly this rule was looked at."""
    said = "\x1f".join(
        [form.then.data or "", *("\x1e".join((one.property, one.comparison, one.value)) for one in asked)]
    )
    return hashlib.sha256(said.encode()).hexdigest()


def _editor(
    form: RuleForm,
    typed: Sequence[Condition],
    last: own_rules.OwnRule | None,
    *,
    replayed: rules.Replayed | None = None,
    reasons: Sequence[str] = (),
    status: int = 200,
):
    choices = [(about, [one for one in PROPERTIES.values() if one.about == about]) for about in ABOUT]
    rows = [(one, PROPERTIES.get(one.property), _fitting(one)) for one in typed]
    if replayed:
        audit.viewed(actor(), "claim", listed=[claim.id for claim in replayed.held])
    return page(
        "rules/editor.html", status, form=form, rows=rows, last=last, replayed=replayed, reasons=list(reasons), choices=choices,
        mark=_mark(form, _asked(typed)) if replayed else "", most=own_rules.MOST, inputs=_INPUT, units=UNITS,
        states=claim_states.WORDS,
    )  # fmt: skip


def _fitting(condition: Condition) -> list[own_rules.Comparison]:
    """The comparisons that the property can have; all of them while none is chosen."""
    asked = PROPERTIES.get(condition.property)
    return [one for one in COMPARISONS.values() if asked is None or asked.kind in one.kinds]


# A finding let pass


@bp.get("/cases/<row:id>/findings/<rule>/<mark>")
@roles("owner", "biller")
def finding(id: int, rule: str, mark: str):
    """A finding of this case, and the way past it where there is one."""
    case = find_case(id)
    audit.viewed(actor(), "finding", case_id=case.id)
    return _finding(case, _find(case, rule, mark), OverrideForm(formdata=None))


@bp.post("/cases/<row:id>/findings/<rule>/<mark>/override")
@roles("owner", "biller")
def override(id: int, rule: str, mark: str):
    """Let the finding pass. The mark is of its exact text: a finding that changed is another one."""
    case, form = find_case(id), OverrideForm()
    found = _find(case, rule, mark)
    if not form.validate():
        return _finding(case, found, form, status=422)
    try:
        overrides.override(case, found.id, found.message, form.reason.data or "", by=actor(), now=now())
    except Refused as refused:
        return _finding(case, found, form, reasons=refused.reasons, status=422)
    flash(f"{found.id} is let pass on this case; your reason is kept with it.")
    return redirect(url_for("packets.show", id=case.id, _anchor="checks"), 303)


def _find(case: Case, rule: str, mark: str) -> scrub.Finding:
    found = next((one for one in overrides.found(case) if one.id == rule and one.mark == mark), None)
    if found is None:
        raise Refused("This finding has changed or is gone: go back to the case and look at it again.")
    return found


def _finding(case: Case, found: scrub.Finding, form: OverrideForm, *, reasons: Sequence[str] = (), status: int = 200):
    passed = [(row, name) for row, name in overrides.of_case(case) if row.finding == found.id]
    return page(
        "rules/finding.html", status, case=case, one=found, form=form, reasons=list(reasons), passed=passed,
        asks=BUILT_IN[found.id].asks if found.id in BUILT_IN else "", severities=SEVERITIES,
    )  # fmt: skip
