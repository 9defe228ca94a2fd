"""Anybody who holds a print can ask whether it is ours and unchanged. No patient's data is shown."""

from __future__ import annotations

from flask import Blueprint
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import StringField
from wtforms.validators import Length

from actions import Refused, verifications
from views import actor, now, page, public

bp = Blueprint("verifications", __name__)


class VerifyForm(FlaskForm):
    file = FileField("The PDF")
    code = StringField("Or the verification code", [Length(max=40)])


@bp.get("/verify")
@public
def ask():
    return page("verifications/page.html", form=VerifyForm(), asked=False, found=None)


@bp.post("/verify")
@public
def answer():
    form = VerifyForm()
    try:
        if form.validate() and form.file.data:
            found = verifications.by_file(form.file.data.stream, by=actor(), now=now())
        elif form.validate() and form.code.data:
            found = verifications.by_code(form.code.data, by=actor(), now=now())
        else:
            raise Refused("Choose the PDF, or type the code that stands under the signature.")
    except Refused as refused:
        form.code.errors = [*form.code.errors, *refused.reasons]
        return page("verifications/page.html", 422, form=form, asked=False, found=None)
    return page("verifications/page.html", form=VerifyForm(formdata=None), asked=True, found=found)
