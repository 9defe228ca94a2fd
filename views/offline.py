"""What the phone keeps to work without a network: the service worker, the files it holds, the shell it shows."""

from __future__ import annotations

import hashlib
import json

from flask import Blueprint, Response, current_app, make_response, render_template, url_for

from models import SETTINGS
from views import asset, public

bp = Blueprint("offline", __name__)
KEPT = (
    "app.css", "htmx.min.js", "app.js", "installed.js", "push.js", "record.js", "phone.css", "manifest.webmanifest",
    "icons/favicon.svg", "icons/app-192.png", "icons/badge-96.png",
)  # fmt: skip
"""Static files that the shell needs. Each is asked for with its digest, so a kept one is never out of date."""


@bp.get("/sw.js")
@public
def worker() -> Response:
    """The service worker, told which files to keep; any change of one of them makes a new version of it."""
    shell = url_for("offline.shell")
    files = [asset(name) for name in KEPT]
    with open(f"{current_app.static_folder}/sw.js") as file:
        code = file.read()
    version = hashlib.sha256(f"{code}{files}{render_template('offline/shell.html')}".encode()).hexdigest()[:12]
    told = {
        "version": version,
        "shell": shell,
        "files": files,
        "icon": asset("icons/app-192.png"),
        "badge": asset("icons/badge-96.png"),
        "key": SETTINGS.vapid_public_key,
        "devices": url_for("notices.enroll"),
        "token": url_for("phone.token"),
    }
    answer = make_response(f"const TOLD = {json.dumps(told, indent=1)};\n\n{code}")
    answer.mimetype = "text/javascript"
    return answer


@bp.get("/offline")
@public
def shell() -> Response:
    """The page shown when there is no network. The same for everybody: it holds no data and knows nobody."""
    return make_response(render_template("offline/shell.html"))
