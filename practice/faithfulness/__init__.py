"""A report that cannot say what the record does not: every claim of a text is traced to the facts, or found.

Red blocks a signature: a wrong or untraceable value, tokens of two facts joined, an order turned round, a required
fact left out, a banned phrase, a stale record. Amber asks for plainer words (report-and-phone.md 3.3).
"""

from __future__ import annotations

from .check import Checked, Checker, Finding, Supported, check, printed

__all__ = ["Checked", "Checker", "Finding", "Supported", "check", "printed"]
