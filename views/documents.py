"""Papers of a case: orders, consents and other documents that were uploaded, and what was printed."""

from __future__ import annotations

from flask import Blueprint, Response, abort, flash, redirect, url_for
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import SelectField, StringField
from wtforms.validators import Length

from actions import Refused, audit, documents
from models import Case, Document
from views import actor, me, now, page, roles, signed_in
from views.reports import send

bp = Blueprint("documents", __name__)
UPLOADERS = ("owner", "technologist", "physician", "biller")


class UploadForm(FlaskForm):
    kind = SelectField("What it is", choices=list(documents.UPLOADS.items()))
    title = StringField("Title", [Length(max=120)])
    file = FileField("File", [FileRequired("Choose a PDF or a photo.")])


class TurnForm(FlaskForm):
    degrees = SelectField("Turn", coerce=int, choices=list(documents.TURNS.items()))
    page = SelectField("Page", coerce=int)


def find_case(id: int) -> Case:
    case = Case.visible_to(me()).where(Case.id == id).first()
    if case is None:
        abort(404)
    return case


def find_document(id: int) -> Document:
    """A document of a case the person may see, or a proof of their own; drafts are not for billing."""
    document = Document.get_or_none(Document.id == id)
    if document is None or document.kind in documents.TEXTS:
        abort(404)
    if document.case_id:
        find_case(document.case_id)
        if document.kind == "report_draft" and not me().has("owner", "technologist", "physician", "auditor"):
            abort(404)
    elif not me().has("owner", "auditor") and not (document.credential and document.credential.person_id == me().id):
        abort(404)
    return document


def listing_context(case: Case) -> dict[str, object]:
    """What the part `documents/_list.html` needs on the page of a case."""
    may_add = me().has(*UPLOADERS)
    return {"papers": documents.of_case(case), "upload_form": UploadForm(formdata=None) if may_add else None}


@bp.get("/cases/<row:id>/documents")
@signed_in
def listing(id: int):
    case = find_case(id)
    audit.viewed(actor(), "document", case_id=case.id)
    return page("documents/listing.html", case=case, reasons=[], **listing_context(case))


@bp.post("/cases/<row:id>/documents")
@roles(*UPLOADERS)
def add(id: int):
    case = find_case(id)
    form = UploadForm()
    if form.validate():
        file = form.file.data
        try:
            documents.upload(
                case, kind=form.kind.data, raw=file.read(), name=file.filename or "", title=form.title.data or "",
                by=actor(), now=now(),
            )  # fmt: skip
        except Refused as refused:
            form.file.errors = refused.reasons
        else:
            flash("The document is kept.")
            return redirect(url_for("documents.listing", id=case.id), 303)
    context = {**listing_context(case), "upload_form": form}
    return page("documents/listing.html", 422, case=case, reasons=[], **context)


@bp.get("/documents/<row:id>")
@signed_in
def show(id: int) -> Response:
    document = find_document(id)
    audit.viewed(actor(), "document", row_id=document.id, case_id=document.case_id)
    return send(document, f"document-{document.id}.pdf")


@bp.get("/documents/<row:id>/turning")
@roles(*UPLOADERS)
def ask_turn(id: int):
    document = _paper(id)
    return page("documents/turn.html", document=document, form=_turn_form(document, formdata=None), reasons=[])


@bp.post("/documents/<row:id>/turning")
@roles(*UPLOADERS)
def turn(id: int):
    """Keep the paper anew, turned; the one before is withdrawn and stays on file."""
    document = _paper(id)
    form = _turn_form(document)
    if not form.validate():
        return page("documents/turn.html", 422, document=document, form=form, reasons=[])
    try:
        documents.turn(document, degrees=form.degrees.data, page=form.page.data, by=actor(), now=now())
    except Refused as refused:
        return page("documents/turn.html", 422, document=document, form=form, reasons=refused.reasons)
    flash("The document is turned.")
    return redirect(url_for("documents.listing", id=document.case_id), 303)


def _paper(id: int) -> Document:
    """A paper that was uploaded to a case."""
    document = find_document(id)
    if document.kind not in documents.UPLOADS or document.case_id is None:
        abort(404)
    return document


def _turn_form(document: Document, **given: object) -> TurnForm:
    form = TurnForm(**given)
    form.page.choices = [(0, "all pages"), *((number, f"page {number}") for number in range(1, document.pages + 1))]
    return form


@bp.post("/documents/<row:id>/withdrawal")
@roles(*UPLOADERS)
def withdraw(id: int):
    document = find_document(id)
    documents.withdraw(document, by=actor(), now=now())
    flash("The document is withdrawn. It is kept, and no longer used.")
    if document.credential_id:
        return redirect(url_for("credentials.show", id=document.credential_id), 303)
    if document.case_id is None:
        return redirect(url_for("desk.today"), 303)
    return redirect(url_for("documents.listing", id=document.case_id), 303)
