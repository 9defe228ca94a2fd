"""What is stored: declarations only, in the order a case meets the tables.

Times are UTC, money is whole cents, who and when come in pairs. What must never change is held by
`GUARDS`: triggers in the database itself, so that no route, task or import can walk past them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any, Self

import msgspec
import peewee as pw
from flask_login import UserMixin

import settings as installation
from practice import cases as facts_of
from practice import claim_states, record
from practice.cases import Facts, Header

SETTINGS = installation.load()
ROLES = ("owner", "technologist", "physician", "biller", "auditor")
SQLITE_LEAST = (3, 51, 3)  # below it WAL can corrupt the file (reference: reliability, finding 5)

if pw.sqlite3.sqlite_version_info < SQLITE_LEAST:
    raise installation.BadSetting(
        f"SQLite {pw.sqlite3.sqlite_version} has a known corruption bug; install pysqlite3 (pip install -r requirements.txt)."
    )

db = pw.SqliteDatabase(
    str(SETTINGS.database),
    timeout=10,
    lock_type="IMMEDIATE",
    autoconnect=False,
    pragmas={
        "journal_mode": "wal",
        "synchronous": "full",
        "foreign_keys": 1,
        "recursive_triggers": 1,
        "trusted_schema": 0,
        "cell_size_check": 1,
        "cache_size": -4000,
        "journal_size_limit": 67108864,
    },
)


@contextmanager
def roomy() -> Iterator[None]:
    """While very much is written at once: an index that is filled in no order does not fit into the usual cache."""
    db.execute_sql("PRAGMA cache_size = -64000")
    try:
        yield
    finally:
        db.execute_sql(f"PRAGMA cache_size = {dict(db._pragmas)['cache_size']}")


class Asked:
    """A query whose SQL is built once, for what every request asks: peewee takes longer to build it than SQLite to answer.

    What stands as `param(...)` or `among(...)` in it is filled in at each call, by its name.
    """

    def __init__(self, build: Callable[[], pw.Query]) -> None:
        self.build = build

    def __call__(self, **values: Any) -> pw.sqlite3.Cursor:
        sql, params = self.made
        plain = {
            name: json.dumps(list(one)) if isinstance(one, Collection) and not isinstance(one, str) else one
            for name, one in values.items()
        }
        return db.execute_sql(sql, [plain[one[1:]] if str(one).startswith(":") else one for one in params])

    def rows(self, **values: Any) -> list[Any]:
        """The rows, of a query that selects the columns of one table."""
        model = self.query.model
        return [model._read(row) for row in self(**values)]

    def row(self, **values: Any) -> Any:
        """The first of them, if there is one."""
        found = self(**values).fetchone()
        return None if found is None else self.query.model._read(found)

    @cached_property
    def query(self) -> Any:
        return self.build()

    @cached_property
    def made(self) -> tuple[str, list[Any]]:
        return self.query.sql()


def param(name: str) -> pw.Value:
    """A value of an `Asked`, as it is stored."""
    return pw.Value(f":{name}", converter=False)


def among(name: str) -> pw.SQL:
    """A list of values of an `Asked`, however many: `column.in_(among("names"))`."""
    return pw.SQL("(SELECT value FROM json_each(?))", [f":{name}"])


class UtcField(pw.Field):
    """An instant, stored as sortable UTC text; a naive time is a bug and raises."""

    field_type = "TEXT"

    def db_value(self, value):
        if value is None or isinstance(value, str):
            return value
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def python_value(self, value):
        return datetime.fromisoformat(value) if isinstance(value, str) else value


class DayField(pw.Field):
    """A calendar day, stored as YYYY-MM-DD."""

    field_type = "TEXT"

    def db_value(self, value):
        return value.isoformat() if isinstance(value, date) else value

    def python_value(self, value):
        return date.fromisoformat(value) if isinstance(value, str) else value


class ListField(pw.Field):
    """A short list or object of plain values, stored as JSON text."""

    field_type = "TEXT"

    def db_value(self, value):
        return value if value is None or isinstance(value, str) else msgspec.json.encode(value).decode()

    def python_value(self, value):
        return json.loads(value) if isinstance(value, str) else value


def _both_or_neither(who: str, when: str) -> pw.Check:
    return pw.Check(f"({who} IS NULL) = ({when} IS NULL)")


def _converter(field: pw.Field) -> Callable[[Any], Any] | None:
    """How a stored value is read; None where it is stored as it is read."""
    if isinstance(field, pw.ForeignKeyField):
        return _converter(field.rel_field)
    plain = (pw.AutoField, pw.IntegerField, pw.TextField)
    return None if type(field) in plain else field.python_value


class Row(pw.Model):
    id: int  # implicit in peewee; said here for readers

    class Meta:
        database = db
        legacy_table_names = False

    @classmethod
    def get(cls, *query: Any, **filters: Any) -> Self:
        """As peewee's. The row of a key, which every reference to another row asks for, has its SQL built once."""
        one = query[0] if len(query) == 1 and not filters else None
        by_key = isinstance(one, pw.Expression) and one.op == pw.OP.EQ and one.lhs is cls._meta.primary_key
        if by_key and type(one.rhs) is int:
            return cls._of_key(one.rhs)
        return super().get(*query, **filters)

    @classmethod
    def _of_key(cls, key: int) -> Self:
        if "_one" not in cls.__dict__:
            cls._one = cls.select().where(cls._meta.primary_key == 0).sql()[0]
        found = db.execute_sql(cls._one, (key,)).fetchone()
        if found is None:
            raise cls.DoesNotExist(f"{cls.__name__} {key}")
        return cls._read(found)

    @classmethod
    def _read(cls, values: Iterable[Any]) -> Self:
        """A row from the values of its columns, in the order of its fields."""
        if "_columns" not in cls.__dict__:
            cls._columns = [(one.name, _converter(one)) for one in cls._meta.sorted_fields]
        row = cls(__no_default__=True)
        row.__data__.update(
            {
                name: value if convert is None or value is None else convert(value)
                for (name, convert), value in zip(cls._columns, values, strict=True)
            }
        )
        return row

    @classmethod
    def insert_plain(cls, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Add many rows whose values are as stored already; peewee would take ten times as long to build the SQL."""
        columns = [cls._meta.fields[name].column_name for name in names]
        holes = ", ".join([db.param] * len(columns))
        sql = f"INSERT INTO {cls._meta.table_name} ({', '.join(columns)}) VALUES ({holes})"  # noqa: S608  names are ours
        db.cursor().executemany(sql, rows)


# People


class Person(Row):
    """Anyone who can sign in. `credentials` is what stands behind the name under a signature."""

    name = pw.TextField()
    email = pw.TextField(unique=True)
    credentials = pw.TextField(default="")
    npi = pw.TextField(default="")
    taxonomy = pw.TextField(default="")
    phone = pw.TextField(default="")
    roles = ListField(default=list)
    password_hash = pw.TextField(null=True)
    created_at = UtcField()
    disabled_at = UtcField(null=True)
    disabled_by = pw.IntegerField(null=True)

    class Meta:
        constraints = [_both_or_neither("disabled_by", "disabled_at")]

    def has(self, *roles: str) -> bool:
        """True when the person holds any of these roles."""
        return any(role in self.roles for role in roles)

    @property
    def signing_name(self) -> str:
        return f"{self.name}, {self.credentials}" if self.credentials else self.name


class Invitation(Row):
    """A one-time link by which a person sets their first or next password."""

    person = pw.ForeignKeyField(Person, null=True, backref="invitations")
    token_hash = pw.TextField(unique=True)
    created_at = UtcField()
    expires_at = UtcField()
    used_at = UtcField(null=True)


class Session(Row, UserMixin):
    """A signed-in device. The cookie holds the token, the row its hash: ending the row ends the session at once."""

    token: str | None = None
    """Known only while the request that carries it lasts."""

    person = pw.ForeignKeyField(Person, backref="sessions")
    token_hash = pw.TextField(unique=True)
    device = pw.TextField(default="")
    kept = pw.BooleanField(default=False)
    created_at = UtcField()
    seen_at = UtcField()
    expires_at = UtcField()
    ended_at = UtcField(null=True)

    def get_id(self) -> str:
        """What flask-login keeps in the cookie."""
        return self.token or ""

    @classmethod
    def live(cls, token: str, now: datetime) -> Session | None:
        """The session this token opens, if it has not ended, idled out or lost its person."""
        row = _LIVE(token=hash_token(token), now=UtcField().db_value(now)).fetchone()
        if row is None:
            return None
        of_session = len(cls._meta.sorted_fields)
        session = cls._read(row[:of_session])
        session.person = Person._read(row[of_session:])
        return session


_LIVE = Asked(
    lambda: (
        Session.select(Session, Person)
        .join(Person)
        .where(
            Session.token_hash == ":token",  # noqa: S105  a name to fill in
            Session.ended_at.is_null(),
            Session.expires_at > ":now",
            Person.disabled_at.is_null(),
        )
    )
)


class Passkey(Row):
    """A key of a person's own device that signs in place of the password. A removed one stays, for the trail."""

    person = pw.ForeignKeyField(Person, backref="passkeys")
    name = pw.TextField()
    credential_id = pw.TextField(unique=True)
    public_key = pw.BlobField()
    sign_count = pw.IntegerField(default=0)
    created_at = UtcField()
    used_at = UtcField(null=True)
    removed_at = UtcField(null=True)


class Challenge(Row):
    """What a passkey is asked to sign, once and soon: the newest of a session and a purpose counts."""

    session = pw.ForeignKeyField(Session, backref="challenges")
    purpose = pw.TextField()
    value = pw.TextField()
    made_at = UtcField()

    class Meta:
        indexes = ((("session", "purpose"), True),)


class LoginAttempt(Row):
    """A failed sign-in, kept for throttling. `subject` is a digest of the account or of the address."""

    subject = pw.TextField(index=True)
    at = UtcField()


# Places and people of a case


class Facility(Row):
    name = pw.TextField()
    state = pw.TextField(default="")
    zone = pw.TextField()
    pos = pw.TextField(default="21")
    address = pw.TextField(default="")
    city = pw.TextField(default="")
    zip = pw.TextField(default="")
    npi = pw.TextField(default="")
    phone = pw.TextField(default="")
    screw_threshold_ma = pw.TextField(default="8")
    archived_at = UtcField(null=True)

    class Meta:
        indexes = ((("name", "state"), False),)


class CredentialType(Row):
    """A kind of proof, as the practice keeps it. `place` says whether it counts everywhere, in one state or at one facility."""

    name = pw.TextField(unique=True)
    issuer = pw.TextField(default="")
    place = pw.TextField(default="anywhere")
    roles = ListField(default=list)
    cycle_months = pw.IntegerField(null=True)
    cycle_days = pw.IntegerField(null=True)
    year_end = pw.BooleanField(default=False)
    opens_days = pw.IntegerField(default=0)
    grace_days = pw.IntegerField(default=0)
    processing_days = pw.IntegerField(default=21)
    alert_days = ListField(default=lambda: [90, 60, 30, 7, 0])
    needs_document = pw.BooleanField(default=False)
    holder_verifies = pw.BooleanField(default=False)
    ce_hours = pw.IntegerField(default=0)
    how = pw.TextField(default="")
    source = pw.TextField(default="")
    certainty = pw.TextField(default="")
    archived_at = UtcField(null=True)

    class Meta:
        constraints = [pw.Check("place IN ('anywhere', 'state', 'facility')")]


class Credential(Row):
    """A dated proof a person holds. Renewing makes a new row and keeps the old; a mistaken one is withdrawn."""

    person = pw.ForeignKeyField(Person, backref="held")
    type = pw.ForeignKeyField(CredentialType, backref="held")
    number = pw.TextField(default="")
    issuer = pw.TextField(default="")
    state = pw.TextField(default="")
    facility = pw.ForeignKeyField(Facility, null=True, backref="credentials")
    from_on = DayField(null=True)
    until_on = DayField(null=True, index=True)
    renews = pw.ForeignKeyField("self", null=True, backref="renewals")
    verified_on = DayField(null=True)
    verified_by = pw.IntegerField(null=True)
    verified_how = pw.TextField(default="")
    withdrawn_on = DayField(null=True)
    withdrawn_by = pw.IntegerField(null=True)

    class Meta:
        constraints = [_both_or_neither("verified_by", "verified_on"), _both_or_neither("withdrawn_by", "withdrawn_on")]

    @property
    def kind(self) -> str:
        return self.type.name


class Application(Row):
    """A first credential or a renewal was asked for and is not there yet: it is pending."""

    person = pw.ForeignKeyField(Person, backref="applications")
    type = pw.ForeignKeyField(CredentialType)
    state = pw.TextField(default="")
    facility = pw.ForeignKeyField(Facility, null=True)
    sent_on = DayField()
    by = pw.IntegerField()
    ended_on = DayField(null=True)


class Education(Row):
    """Continuing education of a person: minutes, so that quarters of an hour add up exactly."""

    person = pw.ForeignKeyField(Person, backref="education")
    type = pw.ForeignKeyField(CredentialType)
    title = pw.TextField()
    category = pw.TextField()
    earned_on = DayField()
    minutes = pw.IntegerField()
    withdrawn_on = DayField(null=True)

    class Meta:
        constraints = [pw.Check("minutes > 0")]


class Surgeon(Row):
    """`interest` is what was attested of a financial relationship with the practice: empty, none or disclosed."""

    name = pw.TextField(index=True)
    npi = pw.TextField(default="")
    phone = pw.TextField(default="")
    email = pw.TextField(default="")
    interest = pw.TextField(default="")
    attested_on = DayField(null=True)
    archived_at = UtcField(null=True)

    class Meta:
        constraints = [pw.Check("interest IN ('', 'none', 'disclosed')")]


class Receiver(Row):
    """Where claim files are sent: a clearinghouse or a payer itself, and what it wants other than the guide's defaults."""

    name = pw.TextField()
    receiver_id = pw.TextField()
    submitter_id = pw.TextField()
    contact = pw.TextField(default="")
    phone = pw.TextField(default="")
    email = pw.TextField(default="")
    usage = pw.TextField(default="T")
    options = ListField(default=dict)
    """Fields of practice.x12.p837.Receiver and Submitter that differ from their defaults, by name."""
    archived_at = UtcField(null=True)

    class Meta:
        constraints = [pw.Check("usage IN ('T', 'P')")]


class Payer(Row):
    """`filing` is the claim filing code (SBR09), such as CI, MB, MC, WC."""

    name = pw.TextField(index=True)
    payer_class = pw.TextField()
    payer_id = pw.TextField(default="")
    phone = pw.TextField(default="")
    filing = pw.TextField(default="")
    address = pw.TextField(default="")
    city = pw.TextField(default="")
    state = pw.TextField(default="")
    zip = pw.TextField(default="")
    receiver = pw.ForeignKeyField(Receiver, null=True, backref="payers")
    """Where its electronic claims go; without one its claims are printed."""
    archived_at = UtcField(null=True)


class PayerRule(Row):
    """How a payer, or a class of payers when `payer` is empty, wants units and codes from a date on."""

    payer = pw.ForeignKeyField(Payer, null=True, backref="rules")
    payer_class = pw.TextField()
    from_on = DayField()
    until_on = DayField(null=True)
    accepts = ListField(default=list)
    remote_code = pw.TextField(default="")
    rounding = pw.TextField(default="midpoint")
    min_first_quarter_minutes = pw.IntegerField(default=8)
    min_first_hour_minutes = pw.IntegerField(default=31)
    follows_cms = pw.BooleanField(default=False)
    pays_technical = pw.BooleanField(default=False)
    """It pays us the technical part in a facility too, by contract."""
    max_concurrent = pw.IntegerField(default=3)
    filing_days = pw.IntegerField(null=True)
    """Days from the date of service in which a first claim must be there; null: not known."""
    appeal_days = pw.IntegerField(null=True)
    demands = ListField(default=list)
    """What a claim must hold or come with beside what every claim must: names out of practice/tables/payers.toml."""
    diagnoses = ListField(default=list)
    """Diagnosis codes, or their beginnings, of which a claim needs one; empty: the payer names none."""
    source = pw.TextField(default="")
    certainty = pw.TextField(default="")


class Requirement(Row):
    """What a facility, a payer or (neither) the practice demands of a role, from a date on.

    One of `type` and `or_types` does. Not `must_hold`: who has it on file keeps it current, who has none may work.
    """

    role = pw.TextField()
    type = pw.ForeignKeyField(CredentialType, backref="requirements")
    or_types = ListField(default=list)
    facility = pw.ForeignKeyField(Facility, null=True, backref="requirements")
    payer = pw.ForeignKeyField(Payer, null=True, backref="requirements")
    must_hold = pw.BooleanField(default=True)
    for_claims = pw.BooleanField(default=False)
    from_on = DayField(null=True)
    until_on = DayField(null=True)
    note = pw.TextField(default="")


class Waiver(Row):
    """A facility or the practice does without a credential of one person for a while, and why."""

    person = pw.ForeignKeyField(Person, backref="waivers")
    type = pw.ForeignKeyField(CredentialType)
    facility = pw.ForeignKeyField(Facility, null=True)
    from_on = DayField()
    until_on = DayField()
    reason = pw.TextField()
    by = pw.IntegerField()


class Dossier(Row):
    """A person's file for one hospital that somebody asked for. The worker makes its pages."""

    person = pw.ForeignKeyField(Person, backref="dossiers")
    facility = pw.ForeignKeyField(Facility)
    requested_at = UtcField()
    requested_by = pw.IntegerField(null=True)
    document_id = pw.IntegerField(null=True)
    made_at = UtcField(null=True)

    class Meta:
        constraints = [_both_or_neither("document_id", "made_at")]


class Patient(Row):
    """Names are stored as they are written on the wristband: LAST, FIRST."""

    name = pw.TextField(index=True)
    mrn = pw.TextField(default="", index=True)
    dob = DayField(null=True)
    sex = pw.TextField(default="U")
    address = pw.TextField(default="")
    city = pw.TextField(default="")
    state = pw.TextField(default="")
    zip = pw.TextField(default="")
    phone = pw.TextField(default="")

    @classmethod
    def name_begins(cls, start: str) -> pw.Expression:
        """Names that begin so, capitals or not; answered from the index on the lower-case name."""
        low = start.lower()
        return (pw.fn.LOWER(cls.name) >= low) & (pw.fn.LOWER(cls.name) < low + "\U0010ffff")


Patient.add_index(Patient.index(pw.fn.LOWER(Patient.name), name="patient_lower_name"))


class Coverage(Row):
    patient = pw.ForeignKeyField(Patient, backref="coverages")
    payer = pw.ForeignKeyField(Payer)
    member_id = pw.TextField(default="")
    group = pw.TextField(default="", column_name="group_number")
    rank = pw.IntegerField(default=1)
    relationship = pw.TextField(default="18")
    """What the patient is to the subscriber, as 837P says it: 18 self, 01 spouse, 19 child, G8 other."""
    subscriber = ListField(default=dict)
    """The subscriber when it is another than the patient: the fields of practice.claims.Person."""
    insurance_type = pw.TextField(default="")
    """Why Medicare is not first (SBR05), such as 12."""
    from_on = DayField(null=True)
    until_on = DayField(null=True)


class Preset(Row):
    """What a kind of procedure usually needs. It fills structure, never a measurement, a time or a negative."""

    name = pw.TextField(unique=True)
    modalities = ListField(default=list)
    criteria = ListField(default=dict)
    responses = ListField(default=list)
    structures = ListField(default=list)
    archived_at = UtcField(null=True)


class Agreement(Row):
    """Who owns the technical and the professional component at a facility, from a date on."""

    facility = pw.ForeignKeyField(Facility, backref="agreements")
    from_on = DayField()
    until_on = DayField(null=True)
    technical = pw.TextField(default="facility")
    professional = pw.TextField(default="practice")
    case_cents = pw.IntegerField(default=0)
    """What the hospital pays us for the technical part: for each case, each hour of it, standing by, cancelling late."""
    hour_cents = pw.IntegerField(default=0)
    included_minutes = pw.IntegerField(default=0)
    """Minutes of a case that its price holds; the hours after them are charged by the hour."""
    standby_hour_cents = pw.IntegerField(default=0)
    cancellation_cents = pw.IntegerField(default=0)
    terms_days = pw.IntegerField(default=30)
    bill_to = pw.TextField(default="")
    note = pw.TextField(default="")


class BillingProvider(Row):
    """Who bills (837P 2010AA, box 33), from a date on. `pay_to` is empty when payments go to the same address."""

    name = pw.TextField()
    npi = pw.TextField()
    taxonomy = pw.TextField(default="")
    tax_id = pw.TextField()
    tax_id_is_ssn = pw.BooleanField(default=False)
    address = pw.TextField()
    city = pw.TextField()
    state = pw.TextField()
    zip = pw.TextField()
    phone = pw.TextField(default="")
    pay_to = ListField(default=dict)
    from_on = DayField()
    until_on = DayField(null=True)


class Fee(Row):
    """A price per unit from a date on: our charge, what a contract allows, or what Medicare allows.

    A contract names its payer; `modifier` is empty or 26 or TC, as the price is for that part alone.
    """

    kind = pw.TextField()
    payer = pw.ForeignKeyField(Payer, null=True, backref="fees")
    code = pw.TextField()
    modifier = pw.TextField(default="")
    cents = pw.IntegerField()
    from_on = DayField()
    until_on = DayField(null=True)
    source = pw.TextField(default="")

    class Meta:
        constraints = [
            pw.Check("kind IN ('charge', 'contract', 'medicare')"), pw.Check("(kind = 'contract') = (payer_id IS NOT NULL)")
        ]  # fmt: skip
        indexes = ((("code", "kind", "from_on"), False),)


# Public tables that the practice imports


class TableImport(Row):
    """One edition of a public table: `kind` ptp, mue, addon, rvu or icd10.

    It is offered first, with its rows packed in `content`, and loaded when somebody who saw the preview says so. Empty
    content: the worker still reads its files. `loaded_by` without `loaded_at`: the worker loads it.
    """

    kind = pw.TextField(index=True)
    name = pw.TextField(default="")
    sha256 = pw.TextField()
    rows = pw.IntegerField(default=0)
    rows_read = pw.IntegerField(default=0)
    """Rows of the file; of pairs only those of our codes are kept."""
    from_on = DayField()
    """The day from which the file holds."""
    content = pw.BlobField(null=True)
    refused = ListField(default=list)
    """Why it cannot be used, in sentences."""
    offered_at = UtcField()
    offered_by = pw.IntegerField(null=True)
    loaded_at = UtcField(null=True)
    loaded_by = pw.IntegerField(null=True)

    class Meta:
        constraints = [pw.Check("(content IS NULL) = (loaded_at IS NOT NULL)")]


# The rows of a table are found by their codes alone: an index on `table` would be taken first and read all of it.


class PtpPair(Row):
    """A pair of codes of the NCCI edits: the second is not paid beside the first, unless `modifier` 1 and a reason."""

    table = pw.ForeignKeyField(TableImport, backref="pairs", index=False)
    first = pw.TextField()
    second = pw.TextField()
    modifier = pw.TextField()
    from_on = DayField()
    until_on = DayField(null=True)

    class Meta:
        indexes = ((("first", "second", "from_on"), False),)


class UnitLimit(Row):
    """The most units a day of one code (MUE). `adjudication` 1 by line, 2 by day absolute, 3 by day, with records."""

    table = pw.ForeignKeyField(TableImport, backref="limits", index=False)
    code = pw.TextField()
    units = pw.IntegerField()
    adjudication = pw.IntegerField()

    class Meta:
        indexes = ((("code", "table"), True),)


class AddOnPrimary(Row):
    """An add-on code and one of the codes it may stand beside."""

    table = pw.ForeignKeyField(TableImport, backref="primaries", index=False)
    code = pw.TextField()
    primary_code = pw.TextField()
    from_on = DayField()
    until_on = DayField(null=True)

    class Meta:
        indexes = ((("code", "table"), False),)


class RelativeValue(Row):
    """What Medicare's fee schedule says of a code: indicators, and the value in hundredths of a unit."""

    table = pw.ForeignKeyField(TableImport, backref="values", index=False)
    code = pw.TextField()
    modifier = pw.TextField(default="")
    status = pw.TextField()
    pc_tc = pw.TextField(default="")
    bilateral = pw.TextField(default="")
    facility_hundredths = pw.IntegerField(null=True)
    """Null where it is not priced in a facility."""
    factor_ten_thousandths = pw.IntegerField()
    """The conversion factor: dollars for one unit of value, times 10,000."""

    class Meta:
        indexes = ((("code", "modifier", "table"), True),)


class DiagnosisCode(Row):
    """A code of ICD-10-CM and the days on which it says this. Editions share the rows in which they agree.

    `words` is the public description; only a billable one may stand on a claim.
    """

    code = pw.TextField()
    words = pw.TextField()
    billable = pw.BooleanField()
    from_on = DayField()
    until_on = DayField(null=True)

    class Meta:
        indexes = ((("code", "from_on"), True),)


class DiagnosisWord(Row):
    """A word of a description, by which the code is found. The lowest `rank` is shown first."""

    word = pw.TextField()
    code = pw.ForeignKeyField(DiagnosisCode, on_delete="CASCADE")
    rank = pw.IntegerField()

    class Meta:
        primary_key = pw.CompositeKey("word", "code")
        without_rowid = True


# The case and its record

SEE_ALL = ("owner", "biller", "auditor")
"""Who may see every case; the others see those they work on."""
PAGE = 50
"""Cases on a page of a list."""


class Case(Row):
    """One operation monitored. Its record is the entries; these columns are the header."""

    reference = pw.TextField(default="", index=True)
    synthetic = pw.BooleanField(default=False)
    facility = pw.ForeignKeyField(Facility, backref="cases")
    surgeon = pw.ForeignKeyField(Surgeon, null=True, backref="cases")
    patient = pw.ForeignKeyField(Patient, backref="cases")
    payer = pw.ForeignKeyField(Payer, null=True, backref="cases")
    payer_class = pw.TextField(default="commercial")
    date_of_service = DayField()
    starts_at = UtcField(null=True)
    or_room = pw.TextField(default="")
    encounter = pw.TextField(default="")
    anesthesia = pw.TextField(default="")
    requested_by = pw.TextField(default="")
    requested_on = DayField(null=True)
    procedure = pw.TextField()
    levels = ListField(default=list)
    approach = pw.TextField(default="")
    side = pw.TextField(default="")
    position = pw.TextField(default="")
    cpt = ListField(default=list)
    diagnosis = ListField(default=list)
    indication = pw.TextField(default="")
    structures = ListField(default=list)
    preop_exam = pw.TextField(default="")
    gaps = ListField(default=dict)
    """What a loaded file says of its missing header values: the reason by part, and whether the day was left out."""
    record_rev = pw.IntegerField(default=0)
    created_at = UtcField()
    created_by = pw.IntegerField(null=True)
    closed_at = UtcField(null=True)
    closed_by = pw.IntegerField(null=True)
    signed_at = UtcField(null=True)

    class Meta:
        table_name = "cases"
        indexes = ((("date_of_service", "id"), False), (("signed_at", "date_of_service", "id"), False))

    @property
    def state(self) -> str:
        """booked, recording, closed or signed: read off the acts, never stored.

        Recording has begun when an entry says when something happened; a plan has no times.
        """
        if self.signed_at:
            return "signed"
        if self.closed_at:
            return "closed"
        return "recording" if self.entries.where(Entry.at.is_null(False)).limit(1).exists() else "booked"

    @classmethod
    def in_state(cls, state: str) -> pw.Expression:
        """What `state` asks, for queries."""
        signed, closed = cls.signed_at.is_null(False), cls.closed_at.is_null(False)
        # Not `~signed`: SQLite takes an index for IS NULL, but not for NOT (IS NOT NULL).
        unsigned = cls.signed_at.is_null()
        begun = pw.fn.EXISTS(Entry.select(pw.SQL("1")).where(Entry.case == cls.id, Entry.at.is_null(False)))
        return {
            "signed": signed,
            "closed": unsigned & closed,
            "recording": unsigned & ~closed & begun,
            "booked": unsigned & ~closed & ~begun,
        }[state]

    @classmethod
    def visible_to(cls, person: Person) -> pw.ModelSelect:
        """The cases a person may see: owner, biller and auditor all of them, others those they work on."""
        return cls.select() if person.has(*SEE_ALL) else cls.worked_on_by(person)

    @classmethod
    def seen_by(cls, person: Person, id: int) -> Case | None:
        """The case of this number with the rows of its header, if this person may see it."""
        case = cls.with_header(id)
        if case is None or person.has(*SEE_ALL):
            return case
        return (
            case if Assignment.select().where(Assignment.case == id, Assignment.person == person.id).exists() else None
        )

    @classmethod
    def with_header(cls, id: int) -> Case | None:
        """The case of this number with the rows of its header, in one query."""
        row = _WITH_HEADER(id=id).fetchone()
        if row is None:
            return None
        values = iter(row)
        case, *rows = (
            [next(values) for _ in model._meta.sorted_fields] for model in (cls, Facility, Patient, Surgeon, Payer)
        )
        case = cls._read(case)
        for name, model, of_it in zip(
            ("facility", "patient", "surgeon", "payer"), (Facility, Patient, Surgeon, Payer), rows, strict=True
        ):
            if of_it[0] is not None:
                setattr(case, name, model._read(of_it))
        return case

    @classmethod
    def worked_on_by(cls, person: Person) -> pw.ModelSelect:
        return cls.select().where(cls.id.in_(Assignment.select(Assignment.case).where(Assignment.person == person.id)))

    @classmethod
    def page(cls, person: Person, *, state: str, mine: bool, after: tuple[str, int] | None = None) -> pw.ModelSelect:
        """A page of a person's cases and one more, by day: what is to come soonest first, the rest newest first."""
        query = cls.worked_on_by(person) if mine else cls.visible_to(person)
        if state != "all":
            query = query.where(cls.in_state(state))
        key, forward = pw.Tuple(cls.date_of_service, cls.id), state == "booked"
        if after:
            last = pw.Tuple(*after)
            query = query.where(key > last if forward else key < last)
        order = [cls.date_of_service, cls.id] if forward else [cls.date_of_service.desc(), cls.id.desc()]
        # The numbers are found first: a person's own cases are sorted by day, and only a page of them is read.
        numbers = query.select(cls.id).order_by(*order).limit(PAGE + 1)
        return cls.lines(cls.select().where(cls.id.in_(numbers))).order_by(*order)

    @classmethod
    def found(cls, person: Person, text: str) -> pw.ModelSelect:
        """A person's cases by the patient's MRN or the beginning of the name, by reference, or by number."""
        patients = Patient.select(Patient.id).where((Patient.mrn == text) | Patient.name_begins(text)).limit(4 * PAGE)
        wanted = cls.patient.in_(patients) | cls.reference.in_([text, text.upper()])
        if text.isdigit() and len(text) < 19:
            wanted |= cls.id == int(text)
        # The numbers are found first: sorted in one go, SQLite would walk all cases by day instead of the indexes.
        numbers = [row[0] for row in cls.select(cls.id).where(wanted).limit(4 * PAGE).tuples()]
        shown = cls.lines(cls.visible_to(person)).where(cls.id.in_(numbers))
        return shown.order_by(cls.date_of_service.desc(), cls.id.desc()).limit(PAGE)

    @classmethod
    def lines(cls, query: pw.ModelSelect) -> pw.ModelSelect:
        """The query's cases as tuples of what a list shows of them, without a query per row."""

        def manned(role: str) -> pw.Function:
            rows = Assignment.select(pw.SQL("1")).where(Assignment.case == cls.id, Assignment.role == role)
            return pw.fn.EXISTS(rows).alias(role)

        begun = cls.in_state("recording").alias("begun")
        return (
            query.select(
                cls.id, cls.reference, cls.date_of_service, cls.starts_at, cls.procedure, cls.or_room,
                cls.closed_at, cls.signed_at, Facility.name.alias("facility"), Facility.zone,
                Patient.name.alias("patient"), Patient.mrn, begun, manned("technologist"), manned("physician"),
            )
            .join(Facility)
            .switch(cls)
            .join(Patient)
            .namedtuples()
        )  # fmt: skip

    @property
    def header(self) -> Header:
        """The header of the facts, from this row and the rows it points to."""
        return Header(
            date_of_service=None if "date_of_service" in self.gaps else self.date_of_service,
            facility=facts_of.FacilityHeader(
                name=self.facility.name,
                state=self.facility.state or None,
                or_room=self.or_room or None,
                missing_reason=self.gaps.get("facility"),
            ),
            patient=facts_of.PatientHeader(
                name=self.patient.name,
                mrn=self.patient.mrn or None,
                dob=self.patient.dob,
                sex=self.patient.sex or None,
                encounter=self.encounter or None,
                missing_reason=self.gaps.get("patient"),
            ),
            payer_class=self.payer_class or None,
            surgeon=self.surgeon.name if self.surgeon else None,
            anesthesia=self.anesthesia or None,
            requested_by=self.requested_by or None,
            procedure=facts_of.Procedure(
                text=self.procedure,
                levels=tuple(self.levels),
                approach=self.approach or None,
                side=self.side or None,
                cpt=tuple(self.cpt),
                position=self.position or None,
                missing_reason=self.gaps.get("procedure"),
            ),
            diagnosis=tuple(facts_of.Diagnosis(**item) for item in self.diagnosis),
            indication=self.indication or None,
            structures_at_risk=tuple(self.structures),
            preop_exam=self.preop_exam or None,
            missing_reason=self.gaps.get("header"),
        )

    def facts(self, said: list[record.Entry] | None = None) -> Facts:
        """What the record says now, by these entries where they were asked for with those of other cases."""
        return record.facts(
            self.said() if said is None else said,
            self.header,
            case_id=self.reference or f"C-{self.id:04d}",
            tz=self.facility.zone,
            rev=self.record_rev,
            synthetic=self.synthetic,
        )

    def said(self) -> list[record.Entry]:
        """The entries of the record, straight from their columns: a row object costs more than all the rest."""
        return self.said_of([self])[self.id]

    @staticmethod
    def said_of(cases: Iterable[Case]) -> dict[int, list[record.Entry]]:
        """The entries of each of the records, in one query."""
        when = UtcField().python_value
        found: dict[int, list[record.Entry]] = {one.id: [] for one in cases}
        for case, client_id, at, data, entered_at, device, by, replaces in _SAID(cases=list(found)):
            found[case].append(
                record.Entry(
                    client_id=client_id,
                    at=when(at),
                    data=record.decode_data(data),
                    entered_at=when(entered_at),
                    device=device,
                    by=by,
                    replaces=replaces,
                )
            )
        return found

    def rows(self) -> list[Entry]:
        """The rows of the record's entries."""
        return [Entry._read(row) for row in _ENTRIES(case=self.id)]


_WITH_HEADER = Asked(
    lambda: (
        Case.select(Case, Facility, Patient, Surgeon, Payer)
        .join(Facility)
        .switch(Case)
        .join(Patient)
        .switch(Case)
        .left_outer_join(Surgeon)
        .switch(Case)
        .left_outer_join(Payer)
        .where(Case.id == pw.Value(":id", converter=False))
    )
)
_SAID = Asked(
    lambda: Entry.select(
        Entry.case, Entry.client_id, Entry.at, Entry.data, Entry.entered_at, Entry.device, Entry.by, Entry.replaces
    ).where(Entry.case.in_(among("cases")))
)
_ENTRIES = Asked(lambda: Entry.select().where(Entry.case == pw.Value(":case", converter=False)))


class Assignment(Row):
    """A person works on a case in a role."""

    case = pw.ForeignKeyField(Case, backref="assignments")
    person = pw.ForeignKeyField(Person, backref="assignments")
    role = pw.TextField()

    class Meta:
        indexes = ((("case", "person", "role"), True),)


class Override(Row):
    """The owner lets a person work on a case against the objections named here, and says why."""

    case = pw.ForeignKeyField(Case, backref="overrides")
    person = pw.ForeignKeyField(Person, backref="overrides")
    role = pw.TextField()
    objections = ListField(default=dict)
    reason = pw.TextField()
    at = UtcField()
    by = pw.IntegerField()


class Obstacle(Row):
    """What stands against a person on a coming case. The nightly judging raises it and clears it."""

    case = pw.ForeignKeyField(Case, backref="obstacles")
    person = pw.ForeignKeyField(Person, backref="obstacles")
    role = pw.TextField()
    demand = pw.TextField()
    state = pw.TextField()
    sentence = pw.TextField()
    raised_at = UtcField()
    cleared_at = UtcField(null=True)


Obstacle.add_index(
    Obstacle.index(
        Obstacle.case, Obstacle.person, Obstacle.role, Obstacle.demand, unique=True,
        where=Obstacle.cleared_at.is_null(), name="obstacle_standing",
    )
)  # fmt: skip


class Entry(Row):
    """One line of the record, as the phone or the desk sent it. Never changed, never deleted."""

    client_id = pw.TextField(unique=True)
    case = pw.ForeignKeyField(Case, backref="entries")
    kind = pw.TextField()
    at = UtcField(null=True)
    data = pw.TextField()
    device = pw.TextField(default="desk")
    entered_at = UtcField()
    offset_ms = pw.IntegerField(null=True)
    received_at = UtcField()
    by = pw.ForeignKeyField(Person, null=True, column_name="by_id")
    replaces = pw.TextField(null=True)

    def as_entry(self) -> record.Entry:
        return record.Entry(
            client_id=self.client_id,
            at=self.at,
            data=record.decode_data(self.data),
            entered_at=self.entered_at,
            device=self.device,
            by=self.by_id,
            replaces=self.replaces,
        )


class Stretch(Row):
    """A stretch of a physician's time on a case, read off its record whenever that changes: the ledger's index."""

    case = pw.ForeignKeyField(Case, backref="stretches")
    who = pw.TextField()
    """The physician's name as the record has it."""
    start = UtcField()
    end = UtcField()
    in_room = pw.BooleanField()
    alone = pw.BooleanField()

    class Meta:
        indexes = ((("who", "start"), False), (("start",), False))


class Allotment(Row):
    """How a case stands in a physician's ledger: by a person's choice with its reason, or as it was signed."""

    case = pw.ForeignKeyField(Case, backref="allotments")
    who = pw.TextField()
    method = pw.TextField()
    exclusive = ListField(default=list)
    shared = ListField(default=list)
    reason = pw.TextField()
    at = UtcField()
    by = pw.IntegerField()

    class Meta:
        constraints = [pw.Check("method IN ('whole', 'equal', 'signed')")]


# The report


class Report(Row):
    """A draft as it was written from one revision of the record. The newest of a case is the draft that counts."""

    case = pw.ForeignKeyField(Case, backref="reports")
    record_rev = pw.IntegerField()
    facts = pw.BlobField()
    layout = pw.BlobField()
    """The report with its sentences and tables, as it was written: it is shown and printed from here for good."""
    text = pw.TextField()
    text_sha256 = pw.TextField()
    wordings = ListField(default=list)
    """The wordings that stand in the text, each as [section, key, text, author]."""
    drafted_at = UtcField()
    drafted_by = pw.IntegerField(null=True)

    def read_facts(self) -> Facts:
        """The facts this draft was written from."""
        return msgspec.msgpack.decode(self.facts, type=Facts)


class WordingSwitch(Row):
    """The owner lets a language model word reports, or stops it. The newest counts, and only for the endpoint it names."""

    on = pw.BooleanField()
    host = pw.TextField()
    model = pw.TextField()
    baa_on = DayField(null=True)
    """The day of the business associate agreement with whoever runs the endpoint."""
    at = UtcField()
    by = pw.ForeignKeyField(Person, column_name="by_id")


class Proposal(Row):
    """What a language model was asked about a draft and what came of it. It is a proposal until people accept it."""

    report = pw.ForeignKeyField(Report, backref="proposals")
    state = pw.TextField(default="asked")
    host = pw.TextField()
    model = pw.TextField()
    prompt = pw.TextField()
    facts_digest = pw.TextField()
    asked_at = UtcField()
    asked_by = pw.ForeignKeyField(Person, column_name="asked_by_id")
    request_sha256 = pw.TextField(default="")
    heard = pw.IntegerField(default=0)
    """Characters of the answer so far."""
    answered_at = UtcField(null=True)
    tokens_in = pw.IntegerField(null=True)
    tokens_out = pw.IntegerField(null=True)
    replies = ListField(default=list)
    """The answers as they came, with slots where the values go."""
    suggestions = ListField(default=list)
    note = pw.TextField(default="")

    class Meta:
        constraints = [pw.Check("state IN ('asked', 'made', 'failed')")]


class Reworded(Row):
    """Words that a person accepted or wrote for sentences of the built-in writer; empty words bring those back.

    `key` finds the sentences while their facts stay as they are. The newest of a key counts.
    """

    case = pw.ForeignKeyField(Case, backref="reworded")
    section = pw.TextField()
    key = pw.TextField()
    built_in = pw.TextField()
    text = pw.TextField()
    author = pw.TextField()
    proposal = pw.ForeignKeyField(Proposal, null=True, backref="accepted")
    at = UtcField()
    by = pw.ForeignKeyField(Person, column_name="by_id")

    class Meta:
        constraints = [pw.Check("author IN ('built-in', 'model', 'technologist', 'physician')")]
        indexes = ((("case", "key"), False),)


class Review(Row):
    """One person reading one draft without a longer break: when it was opened and how long it was in sight."""

    report = pw.ForeignKeyField(Report, backref="reviews")
    person = pw.ForeignKeyField(Person, backref="reviews")
    opened_at = UtcField()
    seen_at = UtcField()
    seconds = pw.IntegerField(default=0)


class Approval(Row):
    """The technologist says that a draft says what happened."""

    report = pw.ForeignKeyField(Report, backref="approvals", unique=True)
    by = pw.ForeignKeyField(Person, column_name="by_id")
    at = UtcField()


class Signature(Row):
    """A physician's act on an exact text, by digest."""

    report = pw.ForeignKeyField(Report, backref="signatures")
    case = pw.ForeignKeyField(Case, backref="signatures")
    by = pw.ForeignKeyField(Person, column_name="by_id")
    name = pw.TextField()
    credentials = pw.TextField()
    at = UtcField()
    text_sha256 = pw.TextField(index=True)

    class Meta:
        indexes = ((("report", "by"), True),)


class Addendum(Row):
    """What is said after signing, signed the same way. Shown with the report everywhere."""

    case = pw.ForeignKeyField(Case, backref="addenda")
    number = pw.IntegerField()
    text = pw.TextField()
    by = pw.ForeignKeyField(Person, column_name="by_id")
    name = pw.TextField()
    credentials = pw.TextField()
    at = UtcField()
    text_sha256 = pw.TextField()

    class Meta:
        indexes = ((("case", "number"), True),)


class ProposedAddendum(Row):
    """An entry that reached a signed case too late. It waits for the physician and changes nothing by itself."""

    case = pw.ForeignKeyField(Case, backref="proposals")
    client_id = pw.TextField(unique=True)
    words = pw.TextField()
    at = UtcField(null=True)
    data = pw.TextField()
    offset_ms = pw.IntegerField(null=True)
    proposed_by = pw.ForeignKeyField(Person, column_name="proposed_by")
    proposed_at = UtcField()
    settled_by = pw.IntegerField(null=True)
    settled_at = UtcField(null=True)

    class Meta:
        constraints = [_both_or_neither("settled_by", "settled_at")]


# Papers


class Document(Row):
    """A stored file, named by its SHA-256 under EVOKED_DATA/documents. Rows are kept; a wrong one is withdrawn."""

    case = pw.ForeignKeyField(Case, null=True, backref="documents")
    credential = pw.ForeignKeyField(Credential, null=True, backref="documents")
    kind = pw.TextField()
    title = pw.TextField()
    sha256 = pw.TextField(index=True)
    pages = pw.IntegerField()
    size = pw.IntegerField()
    made_from = pw.TextField(default="")
    added_at = UtcField()
    added_by = pw.IntegerField(null=True)

    class Meta:
        indexes = ((("case", "kind"), False),)


class Withdrawal(Row):
    """A document that was uploaded by mistake: kept, no longer used."""

    document = pw.ForeignKeyField(Document, unique=True, backref="withdrawals")
    at = UtcField()
    by = pw.IntegerField()


class RecordsRequest(Row):
    """A payer or an auditor wants to see the records of a case, until a day. Sending a packet for it answers it."""

    case = pw.ForeignKeyField(Case, backref="records_requests")
    purpose = pw.TextField(default="records")
    requester = pw.TextField()
    reference = pw.TextField(default="")
    """The letter's own number."""
    asked_on = DayField()
    due_on = DayField(index=True)
    entered_at = UtcField()
    entered_by = pw.IntegerField()
    answered_on = DayField(null=True)
    answered_how = pw.TextField(default="")
    """How it ended: the packet that was sent, or why none had to be."""

    class Meta:
        constraints = [pw.Check("purpose IN ('records', 'audit')")]


class Packet(Row):
    """A packet somebody asked for, for a purpose. Its pages are a document once the job is done."""

    case = pw.ForeignKeyField(Case, backref="packets")
    purpose = pw.TextField(default="claim")
    preview = pw.BooleanField(default=False)
    answers = pw.ForeignKeyField(RecordsRequest, null=True, backref="packets")
    """The request it is made for."""
    denial = ListField(default=dict)
    """Of an appeal: what was denied, the fields of practice.packets.Denial."""
    left_out = ListField(default=list)
    """Optional parts that the person who asked left out, by name."""
    requested_at = UtcField()
    requested_by = pw.IntegerField(null=True)
    document = pw.ForeignKeyField(Document, null=True)
    parts = ListField(default=list)
    demands = ListField(default=list)
    """What the payer asks for with this purpose and the page that answers it, or that it is missing."""
    made_at = UtcField(null=True)

    class Meta:
        constraints = [
            pw.Check("purpose IN ('claim', 'records', 'appeal', 'audit')"), _both_or_neither("document_id", "made_at")
        ]  # fmt: skip


class PacketDemand(Row):
    """What a payer, a class of payers or (neither) everybody wants to find in a packet for a purpose, from a date on."""

    payer = pw.ForeignKeyField(Payer, null=True, backref="packet_demands")
    payer_class = pw.TextField(default="")
    purpose = pw.TextField()
    part = pw.TextField()
    """A part of the packet or a kind of document, by its name in practice/packets.py."""
    words = pw.TextField(default="")
    required = pw.BooleanField(default=True)
    from_on = DayField()
    until_on = DayField(null=True)
    source = pw.TextField(default="")
    certainty = pw.TextField(default="")


class Sending(Row):
    """A packet went out: when, how, to whom, and the digest of exactly what was sent."""

    packet = pw.ForeignKeyField(Packet, backref="sendings")
    sent_on = DayField()
    how = pw.TextField()
    to = pw.TextField(column_name="sent_to")
    tracking = pw.TextField(default="")
    sha256 = pw.TextField()
    at = UtcField()
    by = pw.IntegerField()


# The claim


class Billing(Row):
    """What a claim needs of a case beside its record. It may change after the signature: the record does not."""

    case = pw.ForeignKeyField(Case, unique=True, backref="billing")
    authorization = pw.TextField(default="")
    authorization_waived = pw.TextField(default="")
    """Who said that none is needed, and the reference of that."""
    referral_number = pw.TextField(default="")
    admitted_on = DayField(null=True)
    discharged_on = DayField(null=True)
    in_network = pw.BooleanField(null=True)
    emergency = pw.BooleanField(default=False)
    accident = ListField(default=list)
    """AA auto, EM employment, OA other."""
    accident_on = DayField(null=True)
    accident_state = pw.TextField(default="")
    casualty_number = pw.TextField(default="")
    diagnosis = ListField(default=list)
    """The ICD-10-CM codes for the claim, first the one that counts most; empty: those of the case."""
    modifiers = ListField(default=dict)
    """Modifiers that a person chose for a code, with the reason: {code: ["XS RT", reason]}; "*" is every line."""
    pointers = ListField(default=dict)
    """Which diagnoses a code points at, counted from 1: {code: [1, 3]}; a code that is not in it points at the first four."""
    payer = pw.ForeignKeyField(Payer, null=True)
    """Who is asked first when it is another than the payer the case was booked with."""
    not_billed = pw.TextField(default="")
    """Why no claim is made of this case at all."""


class Claim(Row):
    """One claim to one payer, as it was made: `body` is a practice.claims.Claim. A corrected or void one is a new row.

    `number` (CLM01) is used once, ever. `state` is what the newest of its acts says.
    """

    case = pw.ForeignKeyField(Case, backref="claims")
    payer = pw.ForeignKeyField(Payer, backref="claims")
    number = pw.TextField(unique=True)
    sequence = pw.TextField(default="P")
    frequency = pw.TextField(default="1")
    replaces = pw.ForeignKeyField("self", null=True, backref="replaced_by")
    body = pw.BlobField()
    date_of_service = DayField()
    total_cents = pw.IntegerField()
    expected_cents = pw.IntegerField(null=True)
    file_by = DayField(null=True)
    """The payer's filing limit."""
    payer_control = pw.TextField(default="", index=True)
    """The payer's own number, once it told one."""
    state = pw.TextField(default="coded")
    state_at = UtcField()
    made_at = UtcField()
    made_by = pw.IntegerField(null=True)

    class Meta:
        constraints = [
            pw.Check("sequence IN ('P', 'S', 'T')"),
            pw.Check("frequency IN ('1', '7', '8')"),
            pw.Check("(frequency = '1') = (replaces_id IS NULL)"),
            pw.Check(f"state IN ({', '.join(map(repr, claim_states.STATES))})"),
        ]
        indexes = (
            (("state", "date_of_service", "total_cents", "id", "payer", "file_by"), False),
            (("payer", "date_of_service"), False),
            (("case", "id"), False),
        )


class ClaimAct(Row):
    """One step of a claim's life: what happened, the state it led to, when and by whom. Never changed."""

    claim = pw.ForeignKeyField(Claim, backref="acts")
    act = pw.TextField()
    state = pw.TextField()
    words = pw.TextField(default="")
    at = UtcField()
    by = pw.IntegerField(null=True)


class Decided(Row):
    """What a payer decided on a claim, keyed from its paper: the newest of a claim counts. The next payer is told of it.

    `lines` is [key, paid cents, [[group, reason, cents], ...]] for each line of the claim.
    """

    claim = pw.ForeignKeyField(Claim, backref="decisions")
    on = DayField()
    lines = ListField(default=list)
    at = UtcField()
    by = pw.IntegerField()


class Unbilled(Row):
    """A closed case that no claim was made of yet, and what it would come to: kept so that the board codes nothing."""

    case = pw.ForeignKeyField(Case, unique=True, backref="unbilled")
    facility = pw.ForeignKeyField(Facility)
    payer = pw.ForeignKeyField(Payer, null=True)
    date_of_service = DayField()
    signed = pw.BooleanField(default=False)
    lines = pw.IntegerField(null=True)
    """Null until it was coded."""
    cents = pw.IntegerField(null=True)
    """Null while a price is not known."""

    class Meta:
        indexes = ((("signed", "date_of_service"), False),)


class Hold(Row):
    """A claim stays here: a person said so, or one of the practice's own rules. `rule` is empty for a person's."""

    claim = pw.ForeignKeyField(Claim, backref="holds")
    rule = pw.TextField(default="")
    reason = pw.TextField()
    at = UtcField()
    by = pw.IntegerField(null=True)
    released_at = UtcField(null=True)
    released_by = pw.IntegerField(null=True)
    release_reason = pw.TextField(default="")

    class Meta:
        constraints = [pw.Check("released_by IS NULL OR released_at IS NOT NULL")]


class FindingOverride(Row):
    """A person lets a claim go against a finding of this exact text, and says why."""

    case = pw.ForeignKeyField(Case, backref="finding_overrides")
    finding = pw.TextField()
    message = pw.TextField()
    reason = pw.TextField()
    at = UtcField()
    by = pw.IntegerField()


class Firing(Row):
    """A rule found something on a case: kept so that each rule's page can say how often, and what became of the claim."""

    rule = pw.TextField()
    case = pw.ForeignKeyField(Case, backref="firings")
    severity = pw.TextField()
    message = pw.TextField()
    at = UtcField()
    cleared_at = UtcField(null=True)

    class Meta:
        indexes = ((("rule", "at"), False), (("case", "cleared_at"), False))


class OwnRule(Row):
    """A version of a rule of the practice: if all conditions hold then hold, warn, or require a note.

    `number` is shared by the versions of one rule; the newest counts.
    """

    number = pw.IntegerField(index=True)
    name = pw.TextField()
    conditions = ListField(default=list)
    """Each as [property, comparison, value]."""
    then = pw.TextField()
    message = pw.TextField()
    on = pw.BooleanField(default=True)
    at = UtcField()
    by = pw.IntegerField()

    class Meta:
        constraints = [pw.Check("\"then\" IN ('hold', 'warn', 'note')")]


class Counter(Row):
    """The last number given out of a kind. Numbers are never given twice."""

    name = pw.TextField(unique=True)
    value = pw.IntegerField(default=0)


class ClaimFile(Row):
    """One 837P file: its numbers are its own for ever. `usage` is what the file says of itself: T test, P production."""

    receiver = pw.ForeignKeyField(Receiver, backref="files")
    usage = pw.TextField()
    interchange = pw.IntegerField(unique=True)
    batch = pw.TextField(unique=True)
    claims = pw.IntegerField()
    cents = pw.IntegerField()
    notes = ListField(default=list)
    """What was cut to fit, and what the check warns of, in words."""
    document = pw.ForeignKeyField(Document)
    made_at = UtcField()
    made_by = pw.IntegerField(null=True)

    class Meta:
        constraints = [pw.Check("usage IN ('T', 'P')")]


class ClaimInFile(Row):
    """A claim stands in a file."""

    file = pw.ForeignKeyField(ClaimFile, backref="contents")
    claim = pw.ForeignKeyField(Claim, backref="files")

    class Meta:
        indexes = ((("file", "claim"), True),)


class FileAct(Row):
    """What became of a file: a person handed it in, or gave it up so that its claims may go into another. Never changed."""

    file = pw.ForeignKeyField(ClaimFile, unique=True, backref="acts")
    act = pw.TextField()
    words = pw.TextField(default="")
    at = UtcField()
    by = pw.IntegerField(null=True)

    class Meta:
        constraints = [pw.Check("act IN ('handed_in', 'given_up')")]


class Batch(Row):
    """Claims that are to be put into one file: it becomes that file, or says why none was made. The worker does it."""

    receiver = pw.ForeignKeyField(Receiver)
    claims = ListField(default=list)
    """Their row numbers, in the order of the file."""
    file = pw.ForeignKeyField(ClaimFile, null=True, backref="batches")
    problems = ListField(default=list)
    """Each as [row number of the claim or null, sentence]."""
    requested_at = UtcField()
    requested_by = pw.IntegerField(null=True)
    done_at = UtcField(null=True)


class AnswerFile(Row):
    """A file of answers (TA1, 999, 277CA), taken once: the same bytes again change nothing."""

    sha256 = pw.TextField(unique=True)
    name = pw.TextField(default="")
    document = pw.ForeignKeyField(Document)
    unmatched = ListField(default=list)
    received_at = UtcField()
    received_by = pw.IntegerField(null=True)


class ClaimAnswer(Row):
    """What one answer says of one claim, in words. `sent` is the file of ours that it answers, where one is known."""

    file = pw.ForeignKeyField(AnswerFile, backref="answers")
    claim = pw.ForeignKeyField(Claim, backref="answers")
    sent = pw.ForeignKeyField(ClaimFile, null=True, backref="answers")
    source = pw.TextField()
    outcome = pw.TextField()
    words = pw.TextField()

    class Meta:
        constraints = [pw.Check("outcome IN ('accepted', 'received', 'partial', 'rejected', 'unknown')")]


class Printer(Row):
    """How far one printer is off on the red form, in hundredths of a point to the right and down."""

    name = pw.TextField(unique=True)
    right = pw.IntegerField(default=0, column_name="right_by")
    down = pw.IntegerField(default=0, column_name="down_by")


# What hospitals owe


class Invoice(Row):
    """The technical component of a hospital's cases, by the agreement of their days. Its pages are made by the worker."""

    facility = pw.ForeignKeyField(Facility, backref="invoices")
    number = pw.TextField(unique=True)
    from_on = DayField()
    until_on = DayField()
    """The days of service it is for."""
    issued_on = DayField()
    due_on = DayField()
    total_cents = pw.IntegerField()
    bill_to = pw.TextField(default="")
    document = pw.ForeignKeyField(Document, null=True)
    made_at = UtcField(null=True)
    issued_by = pw.IntegerField()
    void_at = UtcField(null=True)
    void_by = pw.IntegerField(null=True)
    void_reason = pw.TextField(default="")

    class Meta:
        constraints = [_both_or_neither("document_id", "made_at"), _both_or_neither("void_by", "void_at")]


class InvoiceLine(Row):
    """One charge of an invoice with its arithmetic. `minutes` is raw; the price comes from the agreement of the day."""

    invoice = pw.ForeignKeyField(Invoice, backref="lines")
    case = pw.ForeignKeyField(Case, null=True, backref="invoice_lines")
    what = pw.TextField()
    minutes = pw.IntegerField(null=True)
    cents = pw.IntegerField()
    derivation = pw.TextField()

    class Meta:
        constraints = [pw.Check("what IN ('case', 'hours', 'standby', 'cancellation', 'other')")]


class InvoicePayment(Row):
    """What a hospital paid on an invoice; one typed wrong is taken back by a negative one."""

    invoice = pw.ForeignKeyField(Invoice, backref="payments")
    paid_on = DayField()
    cents = pw.IntegerField()
    reference = pw.TextField(default="")
    at = UtcField()
    by = pw.IntegerField()


class Statement(Row):
    """What a hospital still owes, as a letter that reminds it, as of a day. The worker makes its pages."""

    facility = pw.ForeignKeyField(Facility, backref="statements")
    as_of = DayField()
    requested_at = UtcField()
    requested_by = pw.IntegerField()
    document = pw.ForeignKeyField(Document, null=True)
    made_at = UtcField(null=True)

    class Meta:
        constraints = [_both_or_neither("document_id", "made_at")]


# Who is told


class Device(Row):
    """A browser that takes notices for a person. It is live while neither it nor its session was ended."""

    person = pw.ForeignKeyField(Person, backref="devices")
    session = pw.ForeignKeyField(Session, backref="devices")
    name = pw.TextField(default="")
    endpoint = pw.TextField()
    p256dh = pw.TextField()
    auth = pw.TextField()
    enrolled_at = UtcField()
    checked_at = UtcField()
    proved_at = UtcField(null=True)
    ended_at = UtcField(null=True)
    ended_because = pw.TextField(default="")

    @classmethod
    def live(cls, person: Person | int) -> pw.ModelSelect:
        """The devices on which this person can be told something now. An idle session still tells; an ended one does not."""
        return (
            cls.select()
            .join(Session)
            .switch(cls)
            .join(Person)
            .where(
                cls.person == person, cls.ended_at.is_null(), Session.ended_at.is_null(), Person.disabled_at.is_null()
            )
            .order_by(cls.id)
        )


Device.add_index(
    Device.index(Device.endpoint, unique=True, where=Device.ended_at.is_null(), name="device_live_endpoint")
)


class Notice(Row):
    """One message to one person on one channel: the outbox. The same thing is said once, whoever asks again.

    `what` names the text in practice/notices.py and what it is about, `edition` which threshold or revision of that.
    """

    what = pw.TextField()
    edition = pw.TextField()
    person = pw.ForeignKeyField(Person, backref="notices")
    channel = pw.TextField()
    device = pw.ForeignKeyField(Device, null=True)
    """For this device alone; a test is."""
    path = pw.TextField()
    queued_at = UtcField()
    sent_at = UtcField(null=True)
    failed_at = UtcField(null=True)
    error = pw.TextField(default="")
    dropped_at = UtcField(null=True)
    """What it was about is settled, or something newer is told in its place: it is not sent any more."""
    acknowledged_at = UtcField(null=True)
    acknowledged_by = pw.IntegerField(null=True)

    class Meta:
        constraints = [_both_or_neither("acknowledged_by", "acknowledged_at")]
        indexes = ((("what", "edition", "person", "channel"), True), (("person", "id"), False))


class Delivery(Row):
    """A push service took a notice for one device."""

    notice = pw.ForeignKeyField(Notice, backref="deliveries")
    device = pw.ForeignKeyField(Device, backref="deliveries")
    at = UtcField()

    class Meta:
        indexes = ((("notice", "device"), True),)


class Preference(Row):
    """How a person is told: on which channels, when not, how long before, and who is told when nobody answers."""

    person = pw.ForeignKeyField(Person, unique=True, backref="preferences")
    channels = ListField(default=dict)
    """By kind of notice, the channels; a kind that is not in it is told as the app does by itself."""
    alert_days = ListField(default=list)
    """Days before an end, in place of those of each type; empty: as each type says."""
    quiet_from = pw.TextField(default="")
    quiet_until = pw.TextField(default="")
    zone = pw.TextField(default="")
    urgent_breaks = pw.BooleanField(default=False)
    second = pw.ForeignKeyField(Person, null=True)

    class Meta:
        constraints = [pw.Check("(quiet_from = '') = (quiet_until = '')")]


class Drill(Row):
    """Every device was sent a test, to be answered by a tap."""

    asked_at = UtcField()
    asked_by = pw.IntegerField(null=True)


# Exclusion lists and screening


class Snapshot(Row):
    """One file of an exclusion list. The newest that was loaded is in use; of those before, hash and counts stay."""

    header = ListField(default=list)
    list = pw.TextField(index=True)
    sha256 = pw.TextField(default="")
    rows = pw.IntegerField(default=0)
    rows_before = pw.IntegerField(null=True)
    made_on = DayField()
    """The list's own date: its age is counted from here."""
    newest_on = DayField(null=True)
    small_confirmed = pw.BooleanField(default=False)
    received_at = UtcField()
    received_by = pw.IntegerField(null=True)
    loaded_at = UtcField(null=True)
    refused = pw.TextField(default="")
    small = pw.BooleanField(default=False)
    """It was refused for its size alone, so a person may confirm it."""


class ExcludedParty(Row):
    """One row of the list in use, as written there, with its names in comparable form (practice.exclusions.Listed)."""

    snapshot = pw.ForeignKeyField(Snapshot, backref="parties")
    last = pw.TextField()
    first = pw.TextField()
    middle = pw.TextField()
    business = pw.TextField()
    npi = pw.TextField()
    dob = pw.TextField()
    state = pw.TextField()
    city = pw.TextField()
    kind = pw.TextField()
    from_on = pw.TextField()
    trade = pw.TextField()
    waiver = pw.TextField()
    last_key = pw.TextField()
    first_key = pw.TextField()
    business_key = pw.TextField()


class Party(Row):
    """Who is screened: a person of the practice, a surgeon, a vendor or a surgeon's entity, with all known names."""

    kind = pw.TextField()
    person = pw.ForeignKeyField(Person, null=True, unique=True, backref="screened_as")
    surgeon = pw.ForeignKeyField(Surgeon, null=True, backref="screened_as")
    """The surgeon this is, or whose entity it is."""
    name = pw.TextField(default="")
    aliases = ListField(default=list)
    dob = pw.TextField(default="")
    npi = pw.TextField(default="")
    states = ListField(default=list)
    added_at = UtcField()
    ended_at = UtcField(null=True)
    ended_by = pw.IntegerField(null=True)

    class Meta:
        constraints = [
            pw.Check("kind IN ('person', 'surgeon', 'vendor', 'entity')"), _both_or_neither("ended_by", "ended_at")
        ]  # fmt: skip

    @property
    def called(self) -> str:
        """The name in use: a person's and a surgeon's stands in their own row."""
        return {"person": self.person, "surgeon": self.surgeon}.get(self.kind, self).name

    @property
    def number(self) -> str:
        """The NPI in use."""
        return self.npi or getattr({"person": self.person, "surgeon": self.surgeon}.get(self.kind), "npi", "")


class Screening(Row):
    """One run over all parties. `lists` says which files were searched: list, hash, rows and date of each."""

    asked_at = UtcField()
    asked_by = pw.IntegerField(null=True)
    done_at = UtcField(null=True)
    lists = ListField(default=list)
    parties = pw.IntegerField(default=0)
    hits = pw.IntegerField(default=0)


class Screened(Row):
    """What one run searched for one party, and what birth dates dismissed by themselves: the log of it."""

    screening = pw.ForeignKeyField(Screening, backref="results")
    party = pw.ForeignKeyField(Party, backref="results")
    names = ListField(default=list)
    dob = pw.TextField(default="")
    npi = pw.TextField(default="")
    states = ListField(default=list)
    found = ListField(default=list)
    dismissed = ListField(default=list)

    class Meta:
        indexes = ((("screening", "party"), True),)


class Hit(Row):
    """A row of a list that may be a party. Its state is that of its newest decision; without one it is open."""

    party = pw.ForeignKeyField(Party, backref="hits")
    screening = pw.ForeignKeyField(Screening, backref="found")
    seen_in = pw.ForeignKeyField(Screening, backref="seen")
    """The last run that found it."""
    listed = ListField(default=dict)
    agrees = ListField(default=list)
    differs = ListField(default=list)
    list = pw.TextField()
    row_key = pw.TextField()
    tier = pw.TextField()
    score = pw.IntegerField()
    together = pw.BooleanField(default=False)
    """Only a name speaks for it, so it is looked through with the party's others of that kind."""
    state = pw.TextField(default="open")

    class Meta:
        constraints = [pw.Check("state IN ('open', 'cleared', 'confirmed', 'dismissed')")]
        indexes = ((("party", "row_key"), False), (("state",), False))


class Decision(Row):
    """What a person decided on a hit, on which evidence and which file. Empty `by` is a differing birth date alone."""

    hit = pw.ForeignKeyField(Hit, backref="decisions")
    what = pw.TextField()
    reason = pw.TextField()
    evidence = pw.TextField(default="")
    list_sha256 = pw.TextField()
    at = UtcField()
    by = pw.IntegerField(null=True)


# Work without a person


class Job(Row):
    """Work to do, written with what asks for it. The queue only wakes; this row decides."""

    kind = pw.TextField()
    key = pw.TextField(unique=True)
    subject_id = pw.IntegerField()
    state = pw.TextField(default="ready")
    due_at = UtcField()
    lease_until = UtcField(null=True)
    owner = pw.TextField(null=True)
    tries = pw.IntegerField(default=0)
    error = pw.TextField(default="")
    created_at = UtcField()
    done_at = UtcField(null=True)

    class Meta:
        constraints = [pw.Check("state IN ('ready', 'running', 'done', 'dead')")]
        indexes = ((("state", "due_at"), False),)


class Run(Row):
    """A dated piece of work; the missing ones up to today are made at each tick."""

    name = pw.TextField()
    local_date = DayField()
    done_at = UtcField(null=True)

    class Meta:
        indexes = ((("name", "local_date"), True),)


class Heartbeat(Row):
    name = pw.TextField(unique=True)
    at = UtcField()


class AuditEntry(pw.Model):
    """Who did what to what, chained by HMAC. Append-only; holds names of fields and digests, no patient's data."""

    seq = pw.AutoField()
    at = UtcField()
    actor = pw.IntegerField(null=True)
    session = pw.IntegerField(null=True)
    address = pw.TextField(default="")
    action = pw.TextField()
    noun = pw.TextField()
    row_id = pw.IntegerField(null=True)
    case_id = pw.IntegerField(null=True, index=True)
    detail = pw.TextField(default="{}")
    prev = pw.TextField(unique=True)
    mac = pw.TextField()

    class Meta:
        database = db
        legacy_table_names = False

    CHAINED = ("seq", "at", "actor", "session", "address", "action", "noun", "row_id", "case_id", "detail", "prev")

    def seal(self) -> str:
        """The HMAC of this entry, which covers the one before it."""
        content = [UtcField().db_value(self.at) if name == "at" else getattr(self, name) for name in self.CHAINED]
        return hmac.new(SETTINGS.audit_key, msgspec.json.encode(content), hashlib.sha256).hexdigest()

    @classmethod
    def head(cls) -> tuple[int, str] | None:
        """The number and the seal of the last entry."""
        return _HEAD().fetchone()

    def append(self) -> None:
        """Write this entry down. Most pages write one, so its SQL is not built each time."""
        fields = [self._meta.fields[name] for name in (*self.CHAINED, "mac")]
        columns, holes = ", ".join(one.column_name for one in fields), ", ".join([db.param] * len(fields))
        values = [one.db_value(getattr(self, one.name)) for one in fields]
        db.execute_sql(f"INSERT INTO audit_entry ({columns}) VALUES ({holes})", values)  # noqa: S608  names are ours


_HEAD = Asked(lambda: AuditEntry.select(AuditEntry.seq, AuditEntry.mac).order_by(AuditEntry.seq.desc()).limit(1))


def hash_token(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


TABLES: tuple[type[pw.Model], ...] = (
    Person, Invitation, Session, Passkey, Challenge, LoginAttempt, Facility, CredentialType, Credential, Application,
    Education, Surgeon, Receiver, Payer, PayerRule, Requirement, Waiver, Dossier, Patient, Coverage,
    Preset, Agreement, BillingProvider, Fee, TableImport, PtpPair, UnitLimit, AddOnPrimary, RelativeValue, DiagnosisCode, DiagnosisWord, Case, Assignment, Override, Obstacle, Entry, Stretch, Allotment, Report, WordingSwitch, Proposal, Reworded, Review, Approval, Signature, Addendum, ProposedAddendum, Document, Withdrawal, RecordsRequest, Packet, PacketDemand, Sending,
    Billing, Claim, ClaimAct, Decided, Unbilled, Hold, FindingOverride, Firing, OwnRule, Counter, ClaimFile, ClaimInFile, FileAct, Batch, AnswerFile, ClaimAnswer, Printer, Invoice, InvoiceLine, InvoicePayment, Statement,
    Device, Notice, Delivery, Preference, Drill, Snapshot, ExcludedParty, Party, Screening, Screened, Hit, Decision, Job, Run, Heartbeat, AuditEntry,
)  # fmt: skip


def _never(table: str, *acts: str) -> dict[str, str]:
    return {
        f"{table}_no_{act.lower()}": (
            f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, 'guard: {table} is kept as it was written'); END"
        )
        for act in acts
    }


def _not_once_signed(table: str, column: str, *acts: str) -> dict[str, str]:
    guards = {}
    for act in acts:
        row = "OLD" if act == "DELETE" else "NEW"
        signed = f"(SELECT signed_at FROM cases WHERE id = {row}.{column}) IS NOT NULL"  # noqa: S608  names are ours
        guards[f"{table}_signed_{act.lower()}"] = (
            f"CREATE TRIGGER {table}_signed_{act.lower()} BEFORE {act} ON {table} WHEN {signed} "
            "BEGIN SELECT RAISE(ABORT, 'guard: the case is signed'); END"
        )
    return guards


GUARDS: dict[str, str] = {
    **_never("audit_entry", "UPDATE", "DELETE"),
    "audit_entry_in_order": (
        "CREATE TRIGGER audit_entry_in_order BEFORE INSERT ON audit_entry "
        "WHEN NEW.seq IS NOT NULL AND NEW.seq <= (SELECT COALESCE(MAX(seq), 0) FROM audit_entry) "
        "BEGIN SELECT RAISE(ABORT, 'guard: the audit trail only grows'); END"
    ),
    **_never("entry", "UPDATE", "DELETE"),
    **_not_once_signed("entry", "case_id", "INSERT"),
    **_never("report", "UPDATE", "DELETE"),
    **_not_once_signed("report", "case_id", "INSERT"),
    **_never("wording_switch", "UPDATE", "DELETE"),
    **_never("reworded", "UPDATE", "DELETE"),
    **_not_once_signed("reworded", "case_id", "INSERT"),
    **_never("proposal", "DELETE"),
    **_never("approval", "UPDATE", "DELETE"),
    **_never("signature", "UPDATE", "DELETE"),
    **_never("addendum", "UPDATE", "DELETE"),
    "addendum_after_signature": (
        "CREATE TRIGGER addendum_after_signature BEFORE INSERT ON addendum "
        "WHEN (SELECT signed_at FROM cases WHERE id = NEW.case_id) IS NULL "
        "BEGIN SELECT RAISE(ABORT, 'guard: an addendum needs a signed report'); END"
    ),
    **_never("document", "UPDATE", "DELETE"),
    **_never("decision", "UPDATE", "DELETE"),
    **_never("override", "UPDATE", "DELETE"),
    **_never("allotment", "UPDATE", "DELETE"),
    **_never("sending", "UPDATE", "DELETE"),
    **_never("claim", "DELETE"),
    "claim_body_update": (
        "CREATE TRIGGER claim_body_update BEFORE UPDATE ON claim WHEN NEW.body <> OLD.body OR NEW.number <> OLD.number "
        "OR NEW.case_id <> OLD.case_id OR NEW.payer_id <> OLD.payer_id OR NEW.total_cents <> OLD.total_cents "
        "BEGIN SELECT RAISE(ABORT, 'guard: a claim is kept as it was made'); END"
    ),
    **_never("claim_act", "UPDATE", "DELETE"),
    **_never("decided", "UPDATE", "DELETE"),
    **_never("finding_override", "UPDATE", "DELETE"),
    **_never("own_rule", "UPDATE", "DELETE"),
    **_never("claim_file", "UPDATE", "DELETE"),
    **_never("claim_in_file", "UPDATE", "DELETE"),
    **_never("file_act", "UPDATE", "DELETE"),
    **_never("answer_file", "UPDATE", "DELETE"),
    **_never("claim_answer", "UPDATE", "DELETE"),
    **_never("invoice_line", "UPDATE", "DELETE"),
    "invoice_line_once": (
        "CREATE TRIGGER invoice_line_once BEFORE INSERT ON invoice_line WHEN EXISTS (SELECT 1 FROM invoice_line "
        "JOIN invoice ON invoice.id = invoice_line.invoice_id WHERE invoice_line.case_id = NEW.case_id "
        "AND invoice.void_at IS NULL AND invoice.id <> NEW.invoice_id) "
        "BEGIN SELECT RAISE(ABORT, 'guard: a case is invoiced once'); END"
    ),
    **_never("invoice", "DELETE"),
    "invoice_kept": (
        "CREATE TRIGGER invoice_kept BEFORE UPDATE ON invoice WHEN NEW.number <> OLD.number OR OLD.void_at IS NOT NULL "
        "OR NEW.facility_id <> OLD.facility_id OR NEW.total_cents <> OLD.total_cents OR NEW.issued_on <> OLD.issued_on "
        "OR NEW.due_on <> OLD.due_on "
        "BEGIN SELECT RAISE(ABORT, 'guard: an invoice is kept as it was issued'); END"
    ),
    **_never("invoice_payment", "UPDATE", "DELETE"),
    "counter_only_up": (
        "CREATE TRIGGER counter_only_up BEFORE UPDATE ON counter WHEN NEW.value <= OLD.value "
        "BEGIN SELECT RAISE(ABORT, 'guard: a number is given once'); END"
    ),
    **_never("counter", "DELETE"),
    **_never("credential", "DELETE"),
    **_never("credential_type", "DELETE"),
    **_not_once_signed("assignment", "case_id", "INSERT", "UPDATE", "DELETE"),
    **_never("cases", "DELETE"),
    "cases_signed_update": (
        "CREATE TRIGGER cases_signed_update BEFORE UPDATE ON cases WHEN OLD.signed_at IS NOT NULL "
        "BEGIN SELECT RAISE(ABORT, 'guard: the case is signed'); END"
    ),
}  # fmt: skip
"""Triggers by name. Migrations drop them first and put them back after: a rebuilt table loses its triggers."""


def install_guards() -> None:
    """Put every guard in place; safe to repeat."""
    for name, sql in GUARDS.items():
        db.execute_sql(f"DROP TRIGGER IF EXISTS {name}")
        db.execute_sql(sql)


def drop_guards() -> None:
    """Drop every trigger, those of older versions too."""
    for (name,) in db.execute_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        db.execute_sql(f'DROP TRIGGER "{name}"')
