"""Numbers that are given once, ever: of claims, files and batches. A number that was taken and not used stays unused."""

from __future__ import annotations

from models import Counter


def take(name: str) -> int:
    """The next number of this kind, inside the caller's transaction."""
    Counter.insert(name=name, value=0).on_conflict_ignore().execute()
    Counter.update(value=Counter.value + 1).where(Counter.name == name).execute()
    return Counter.get(Counter.name == name).value
