"""Runs one of the app's commands; bin/evoked comes here. A setting that cannot work is a sentence, not a traceback."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from settings import BadSetting  # noqa: E402

try:
    from app import create_app
except BadSetting as error:
    sys.exit(str(error))

app = create_app()
with app.app_context():
    app.cli.main(prog_name="bin/evoked")
