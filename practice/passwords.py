"""Which passwords are too easy to guess (NIST SP 800-63B-4, 3.1.1.2: length and a blocklist, no composition rules).

Lists of leaked passwords hold few of 15 characters and more, and those few are made in four ways: a word again and
again, a run along the keyboard, one common word with digits behind it, or the names at hand. So the ways are
refused instead of a list.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

LEAST = 15  # NIST SP 800-63B-4: a password that stands alone
MOST = 200
COMMON = (
    "administrator", "changeme", "correcthorsebatterystaple", "evoked", "football", "hospital", "iloveyou", "letmein",
    "login", "monitoring", "monkey", "neuromonitoring", "p@ssw0rd", "passphrase", "passw0rd", "password", "princess",
    "qwerty", "secret", "sunshine", "surgery", "temporary", "thisismy", "welcome",
)  # fmt: skip
RUNS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1q2w3e4r5t6y7u8i9o0p",
    "1qaz2wsx3edc4rfv5tgb",
)
NEW_LEAST = 8
"""Characters that must be left when everything easy is taken out."""


def objections(password: str, *, names: Iterable[str]) -> list[str]:
    """Why this password will not do, where `names` are what somebody would try first; empty means it will."""
    if len(password) < LEAST:
        return [
            f"The password needs at least {LEAST} characters. Four or five words in a row are easy to keep in mind."
        ]
    if len(password) > MOST:
        return [f"The password may have at most {MOST} characters."]
    if len(_hard_part(password, names)) < NEW_LEAST:
        return ["That password is easy to guess. Use words that have nothing to do with you or this desk."]
    return []


def _hard_part(password: str, names: Iterable[str]) -> str:
    """What is left of the password without names, common words, runs and repetitions."""
    left = re.sub(r"[\s\-_.,]", "", password.lower())
    known = [part for name in names for part in re.split(r"[\s@.,\-_]+", name.lower()) if len(part) > 2]
    for word in sorted({*known, *COMMON}, key=len, reverse=True):
        left = left.replace(word, "")
    for run in RUNS:
        for way in (run, run[::-1]):
            left = _without_pieces_of(way, left)
    return re.sub(r"(.{1,8}?)\1+", r"\1", left)


def _without_pieces_of(run: str, text: str) -> str:
    """The text without any four or more characters that follow one another in the run."""
    for size in range(len(run), 3, -1):
        for start in range(len(run) - size + 1):
            text = text.replace(run[start : start + size], "")
    return text
