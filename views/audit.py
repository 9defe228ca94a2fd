"""Reading the audit trail."""

from __future__ import annotations

from flask import Blueprint, request

from models import AuditEntry, Person
from views import page, roles

bp = Blueprint("audit", __name__)


@bp.get("/audit")
@roles("owner", "auditor")
def listing():
    before = request.args.get("before", type=int)
    query = AuditEntry.select().order_by(AuditEntry.seq.desc()).limit(100)
    if before is not None and 0 < before < 2**63:
        query = query.where(AuditEntry.seq < before)
    names = dict(Person.select(Person.id, Person.name).tuples())
    return page("audit/listing.html", entries=list(query), names=names)
