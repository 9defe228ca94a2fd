"""The commands of alerts, for scripts and for whoever wants to know what a day will tell."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import click
from flask.cli import AppGroup

import tasks
from actions import Refused, alerts
from models import SETTINGS
from views.commands import refusable

alert = AppGroup("alerts", help="What people are told.")


@alert.command("scan")
@click.option("--on", help="A day, YYYY-MM-DD; today without it.")
@refusable
def scan(on: str | None) -> None:
    """Tell what is due on a day and print it: what, edition, numbers of the people.

    A day to come is only shown; nothing is told before its day.
    """
    now = datetime.now(UTC)
    today = now.astimezone(SETTINGS.zone).date()
    try:
        day = date.fromisoformat(on) if on else today
    except ValueError:
        raise Refused(f"{on!r} is not a day. It looks like {today}.") from None
    at = now if day == today else datetime.combine(day, time(12), SETTINGS.zone).astimezone(UTC)
    for one in sorted(alerts.wanted(now=at), key=lambda one: one.what):
        click.echo(f"{one.what}\t{one.edition}\t{','.join(str(id) for id in one.people)}")
    if day == today:
        click.echo(f"{alerts.scan(now=now)} notices made.", err=True)
        tasks.wake()
    else:
        click.echo("Only shown: what is due is told on its day.", err=True)
