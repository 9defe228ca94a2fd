"""What was agreed with payers and facilities: read once, looked up for each case by its day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from models import Agreement, Asked, PayerRule
from practice import coding


@dataclass(frozen=True)
class Terms:
    """What the practice agreed with payers and facilities, all of it: two small tables."""

    rules: Sequence[PayerRule]
    agreements: Sequence[Agreement]


def terms() -> Terms:
    """Read once for a list of cases, so that coding them asks nothing for each."""
    return Terms(_RULES.rows(), _AGREEMENTS.rows())


_RULES = Asked(lambda: PayerRule.select().order_by(PayerRule.from_on))
_AGREEMENTS = Asked(lambda: Agreement.select().order_by(Agreement.from_on.desc()))


class Paid(Protocol):
    """What of a case decides which rule holds; a row of a query will do."""

    payer_class: str
    payer_id: int | None
    date_of_service: date


def rule_of(case: Paid, agreed: Terms) -> coding.PayerRule | None:
    """The payer's own rule on the day, else its class's in this practice, else the one the app comes with."""
    on = case.date_of_service
    rows = [row for row in agreed.rules if row.payer_class == case.payer_class]
    own = [_rule(row) for row in rows if row.payer_id is not None and row.payer_id == case.payer_id]
    general = [_rule(row) for row in rows if row.payer_id is None]
    for rules in (own, general, coding.default_rules()):
        if found := coding.rule_for(rules, case.payer_class, on):
            return found
    return None


def _rule(row: PayerRule) -> coding.PayerRule:
    return coding.PayerRule(
        payer_class=row.payer_class,
        accepts=tuple(row.accepts),
        remote_code=row.remote_code or None,
        rounding=row.rounding,
        min_first_quarter_minutes=row.min_first_quarter_minutes,
        min_first_hour_minutes=row.min_first_hour_minutes,
        max_concurrent=row.max_concurrent,
        follows_cms=row.follows_cms,
        pays_technical=row.pays_technical,
        filing_days=row.filing_days,
        appeal_days=row.appeal_days,
        demands=tuple(row.demands),
        diagnoses=tuple(row.diagnoses),
        source=row.source,
        certainty=row.certainty or "unverified",
        from_on=row.from_on,
        until_on=row.until_on,
    )
