"""How each person is told: channels, quiet hours, days before an end, second person. What nobody chose has a default."""

from __future__ import annotations

import re
from datetime import datetime, time
from zoneinfo import ZoneInfo

from actions import Actor, Refused, audit
from models import SETTINGS, Notice, Person, Preference, db
from practice import alerts


def of(person: Person | int) -> Preference:
    """What a person chose; unsaved defaults when nothing was."""
    id = person if isinstance(person, int) else person.id
    return Preference.get_or_none(Preference.person == id) or Preference(person=id)


def not_set_up() -> dict[str, str]:
    """The channels this server cannot use, each with what would set it up."""
    found = {}
    if not SETTINGS.contact:
        found["push"] = "Notices on devices are not set up on this server: EVOKED_CONTACT, see the README."
    if not SETTINGS.smtp_host:
        found["email"] = "Email is not set up on this server: EVOKED_SMTP_HOST, see the README."
    if not SETTINGS.sms_url:
        found["sms"] = "Text messages are not set up on this server: EVOKED_SMS_URL, see the README."
    return found


def can_tell(person: Person, channel: str) -> bool:
    """True when the channel is set up and the person has an address there."""
    if channel in not_set_up():
        return False
    return channel != "sms" or bool(digits(person.phone))


def digits(phone: str) -> str:
    """A phone number as SMS providers take it; ten digits are of the United States. Empty when it is none."""
    found = re.sub(r"[^0-9]", "", phone.partition("x")[0])
    if len(found) == 10 and not phone.strip().startswith("+"):
        found = "1" + found
    return f"+{found}" if 11 <= len(found) <= 15 else ""


def channels(person: Person, what: str) -> list[str]:
    """On which channels a person is told about `what`: the chosen ones that work, else the first that does."""
    kind = alerts.kind_of(what)
    chosen = of(person).channels.get(kind) or alerts.DEFAULT[kind]
    working = [one for one in alerts.CHANNELS if can_tell(person, one)]
    # Without any channel the notice is kept all the same, and says why it did not arrive.
    return [one for one in working if one in chosen] or working[:1] or ["push"]


def next_channel(notice: Notice) -> str | None:
    """The channel to fall to when this one failed."""
    same = Notice.select(Notice.channel).where(
        Notice.what == notice.what, Notice.edition == notice.edition, Notice.person == notice.person_id
    )
    used = {channel for (channel,) in same.tuples()}
    return next((one for one in alerts.CHANNELS if one not in used and can_tell(notice.person, one)), None)


def held_until(notice: Notice, *, now: datetime) -> datetime | None:
    """Until when a notice waits because its person has quiet hours. A test that somebody asked for does not wait."""
    chosen = of(notice.person_id)
    asked_for = notice.device_id is not None and not notice.edition.startswith("drill")
    through = chosen.urgent_breaks and alerts.is_urgent(notice.what, notice.edition)
    if not chosen.quiet_from or asked_for or through:
        return None
    zone = ZoneInfo(chosen.zone) if chosen.zone else SETTINGS.zone
    begin, end = time.fromisoformat(chosen.quiet_from), time.fromisoformat(chosen.quiet_until)
    return alerts.quiet_until(now, zone, begin, end)


def choose(
    person: Person, *, channels: dict[str, list[str]], alert_days: list[int], quiet_from: str, quiet_until: str, zone: str,
    second: int | None, urgent_breaks: bool, by: Actor,
) -> Preference:  # fmt: skip
    """Keep how a person is told. Whether urgent alerts break into quiet hours is for an owner to say."""
    reasons = []
    if bool(quiet_from) != bool(quiet_until):
        reasons.append("Quiet hours have a beginning and an end. Fill in both, or neither.")
    if quiet_from and quiet_from == quiet_until:
        reasons.append("Quiet hours that begin and end at the same time would never end. Change one of them.")
    if second == person.id:
        reasons.append("The second person is somebody else.")
    if reasons:
        raise Refused(*reasons)
    values = {
        "channels": channels, "alert_days": alert_days, "quiet_from": quiet_from, "quiet_until": quiet_until,
        "zone": zone, "second": second,
    }  # fmt: skip
    if by.person is not None and by.person.has("owner"):
        values["urgent_breaks"] = urgent_breaks
    with db.atomic():
        row, _ = Preference.get_or_create(person=person.id)
        before = {name: row.__data__.get(name) for name in values}
        Preference.update(**values).where(Preference.id == row.id).execute()
        audit.record(by, "choose", "preference", row_id=row.id, person=person.id, fields=audit.changed(before, values))
    return Preference.get_by_id(row.id)
