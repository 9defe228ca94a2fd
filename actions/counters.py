"""Numbers that are given once, ever. A number that was taken and not used stays unused."""

from __future__ import annotations

from models import Counter


def take(name: str, *, least: int = 1) -> int:
    """The next number of this kind, inside the caller's transaction.

    `least` grows with time, so that a database put back from an old backup, which has forgotten its last numbers, does
    not give them again.
    """
    Counter.insert(name=name, value=0).on_conflict_ignore().execute()
    number = max(Counter.get(Counter.name == name).value + 1, least)
    Counter.update(value=number).where(Counter.name == name).execute()
    return number
