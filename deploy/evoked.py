"""Runs one of the app's commands; bin/evoked comes here. A setting that cannot work is a sentence, not a traceback."""

import contextlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from settings import BadSetting  # noqa: E402

try:
    from app import create_app
    from models import db
except BadSetting as error:
    sys.exit(str(error))


def is_new() -> bool:
    with db.connection_context():
        return not db.get_tables()


app = create_app()
asked = sys.argv[1:]
with app.app_context():
    if asked and "--help" not in asked and is_new():
        with contextlib.redirect_stdout(sys.stderr):  # standard output belongs to the command
            app.cli.main(["migrate"], standalone_mode=False)
    app.cli.main(asked, prog_name="bin/evoked")
