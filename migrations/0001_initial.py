"""The first schema, table by table: a frozen copy that imports no model."""

SCHEMA = """
CREATE TABLE person (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    credentials TEXT NOT NULL,
    npi TEXT NOT NULL,
    phone TEXT NOT NULL,
    roles TEXT NOT NULL,
    password_hash TEXT,
    created_at TEXT NOT NULL,
    disabled_at TEXT,
    disabled_by INTEGER,
    CHECK ((disabled_by IS NULL) = (disabled_at IS NULL))
);
CREATE UNIQUE INDEX person_email ON person (email);

CREATE TABLE invitation (
    id INTEGER NOT NULL PRIMARY KEY,
    person_id INTEGER,
    token_hash TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    used_at TEXT,
    FOREIGN KEY (person_id) REFERENCES person (id)
);
CREATE INDEX invitation_person_id ON invitation (person_id);
CREATE UNIQUE INDEX invitation_token_hash ON invitation (token_hash);

CREATE TABLE session (
    id INTEGER NOT NULL PRIMARY KEY,
    person_id INTEGER NOT NULL,
    token_hash TEXT NOT NULL,
    device TEXT NOT NULL,
    kept INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    ended_at TEXT,
    FOREIGN KEY (person_id) REFERENCES person (id)
);
CREATE INDEX session_person_id ON session (person_id);
CREATE UNIQUE INDEX session_token_hash ON session (token_hash);

CREATE TABLE login_attempt (
    id INTEGER NOT NULL PRIMARY KEY,
    subject TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE INDEX login_attempt_subject ON login_attempt (subject);

CREATE TABLE facility (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    zone TEXT NOT NULL,
    pos TEXT NOT NULL,
    address TEXT NOT NULL,
    city TEXT NOT NULL,
    zip TEXT NOT NULL,
    npi TEXT NOT NULL,
    phone TEXT NOT NULL,
    screw_threshold_ma TEXT NOT NULL,
    archived_at TEXT
);
CREATE INDEX facility_name_state ON facility (name, state);

CREATE TABLE credential (
    id INTEGER NOT NULL PRIMARY KEY,
    person_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    number TEXT NOT NULL,
    issuer TEXT NOT NULL,
    state TEXT NOT NULL,
    facility_id INTEGER,
    from_on TEXT,
    until_on TEXT,
    verified_on TEXT,
    verified_by INTEGER,
    FOREIGN KEY (person_id) REFERENCES person (id),
    FOREIGN KEY (facility_id) REFERENCES facility (id),
    CHECK ((verified_by IS NULL) = (verified_on IS NULL))
);
CREATE INDEX credential_facility_id ON credential (facility_id);
CREATE INDEX credential_person_id ON credential (person_id);

CREATE TABLE surgeon (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    npi TEXT NOT NULL,
    phone TEXT NOT NULL,
    email TEXT NOT NULL,
    archived_at TEXT
);
CREATE INDEX surgeon_name ON surgeon (name);

CREATE TABLE payer (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    payer_class TEXT NOT NULL,
    payer_id TEXT NOT NULL,
    phone TEXT NOT NULL,
    archived_at TEXT
);
CREATE INDEX payer_name ON payer (name);

CREATE TABLE payer_rule (
    id INTEGER NOT NULL PRIMARY KEY,
    payer_id INTEGER,
    payer_class TEXT NOT NULL,
    from_on TEXT NOT NULL,
    until_on TEXT,
    accepts TEXT NOT NULL,
    remote_code TEXT NOT NULL,
    rounding TEXT NOT NULL,
    min_first_quarter_minutes INTEGER NOT NULL,
    min_first_hour_minutes INTEGER NOT NULL,
    follows_cms INTEGER NOT NULL,
    max_concurrent INTEGER NOT NULL,
    source TEXT NOT NULL,
    certainty TEXT NOT NULL,
    FOREIGN KEY (payer_id) REFERENCES payer (id)
);
CREATE INDEX payer_rule_payer_id ON payer_rule (payer_id);

CREATE TABLE patient (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    mrn TEXT NOT NULL,
    dob TEXT,
    sex TEXT NOT NULL
);
CREATE INDEX patient_lower_name ON patient (LOWER(name));
CREATE INDEX patient_mrn ON patient (mrn);
CREATE INDEX patient_name ON patient (name);

CREATE TABLE coverage (
    id INTEGER NOT NULL PRIMARY KEY,
    patient_id INTEGER NOT NULL,
    payer_id INTEGER NOT NULL,
    member_id TEXT NOT NULL,
    group_number TEXT NOT NULL,
    rank INTEGER NOT NULL,
    from_on TEXT,
    until_on TEXT,
    FOREIGN KEY (patient_id) REFERENCES patient (id),
    FOREIGN KEY (payer_id) REFERENCES payer (id)
);
CREATE INDEX coverage_patient_id ON coverage (patient_id);
CREATE INDEX coverage_payer_id ON coverage (payer_id);

CREATE TABLE preset (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    modalities TEXT NOT NULL,
    criteria TEXT NOT NULL,
    responses TEXT NOT NULL,
    structures TEXT NOT NULL,
    archived_at TEXT
);
CREATE UNIQUE INDEX preset_name ON preset (name);

CREATE TABLE agreement (
    id INTEGER NOT NULL PRIMARY KEY,
    facility_id INTEGER NOT NULL,
    from_on TEXT NOT NULL,
    until_on TEXT,
    technical TEXT NOT NULL,
    professional TEXT NOT NULL,
    note TEXT NOT NULL,
    FOREIGN KEY (facility_id) REFERENCES facility (id)
);
CREATE INDEX agreement_facility_id ON agreement (facility_id);

CREATE TABLE cases (
    id INTEGER NOT NULL PRIMARY KEY,
    reference TEXT NOT NULL,
    synthetic INTEGER NOT NULL,
    facility_id INTEGER NOT NULL,
    surgeon_id INTEGER,
    patient_id INTEGER NOT NULL,
    payer_id INTEGER,
    payer_class TEXT NOT NULL,
    date_of_service TEXT NOT NULL,
    starts_at TEXT,
    or_room TEXT NOT NULL,
    encounter TEXT NOT NULL,
    anesthesia TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    requested_on TEXT,
    procedure TEXT NOT NULL,
    levels TEXT NOT NULL,
    approach TEXT NOT NULL,
    side TEXT NOT NULL,
    position TEXT NOT NULL,
    cpt TEXT NOT NULL,
    diagnosis TEXT NOT NULL,
    indication TEXT NOT NULL,
    structures TEXT NOT NULL,
    preop_exam TEXT NOT NULL,
    gaps TEXT NOT NULL,
    record_rev INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    created_by INTEGER,
    closed_at TEXT,
    closed_by INTEGER,
    signed_at TEXT,
    FOREIGN KEY (facility_id) REFERENCES facility (id),
    FOREIGN KEY (surgeon_id) REFERENCES surgeon (id),
    FOREIGN KEY (patient_id) REFERENCES patient (id),
    FOREIGN KEY (payer_id) REFERENCES payer (id)
);
CREATE INDEX cases_date_of_service_id ON cases (date_of_service, id);
CREATE INDEX cases_facility_id ON cases (facility_id);
CREATE INDEX cases_patient_id ON cases (patient_id);
CREATE INDEX cases_payer_id ON cases (payer_id);
CREATE INDEX cases_reference ON cases (reference);
CREATE INDEX cases_signed_at_date_of_service_id ON cases (signed_at, date_of_service, id);
CREATE INDEX cases_surgeon_id ON cases (surgeon_id);

CREATE TABLE assignment (
    id INTEGER NOT NULL PRIMARY KEY,
    case_id INTEGER NOT NULL,
    person_id INTEGER NOT NULL,
    role TEXT NOT NULL,
    FOREIGN KEY (case_id) REFERENCES cases (id),
    FOREIGN KEY (person_id) REFERENCES person (id)
);
CREATE INDEX assignment_case_id ON assignment (case_id);
CREATE INDEX assignment_person_id ON assignment (person_id);
CREATE UNIQUE INDEX assignment_case_id_person_id_role ON assignment (case_id, person_id, role);

CREATE TABLE entry (
    id INTEGER NOT NULL PRIMARY KEY,
    client_id TEXT NOT NULL,
    case_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    at TEXT,
    data TEXT NOT NULL,
    device TEXT NOT NULL,
    entered_at TEXT NOT NULL,
    offset_ms INTEGER,
    received_at TEXT NOT NULL,
    by_id INTEGER,
    replaces TEXT,
    FOREIGN KEY (case_id) REFERENCES cases (id),
    FOREIGN KEY (by_id) REFERENCES person (id)
);
CREATE INDEX entry_by_id ON entry (by_id);
CREATE INDEX entry_case_id ON entry (case_id);
CREATE UNIQUE INDEX entry_client_id ON entry (client_id);

CREATE TABLE report (
    id INTEGER NOT NULL PRIMARY KEY,
    case_id INTEGER NOT NULL,
    record_rev INTEGER NOT NULL,
    facts BLOB NOT NULL,
    text TEXT NOT NULL,
    text_sha256 TEXT NOT NULL,
    drafted_at TEXT NOT NULL,
    drafted_by INTEGER,
    FOREIGN KEY (case_id) REFERENCES cases (id)
);
CREATE INDEX report_case_id ON report (case_id);

CREATE TABLE approval (
    id INTEGER NOT NULL PRIMARY KEY,
    report_id INTEGER NOT NULL,
    by_id INTEGER NOT NULL,
    at TEXT NOT NULL,
    FOREIGN KEY (report_id) REFERENCES report (id),
    FOREIGN KEY (by_id) REFERENCES person (id)
);
CREATE INDEX approval_by_id ON approval (by_id);
CREATE UNIQUE INDEX approval_report_id ON approval (report_id);

CREATE TABLE signature (
    id INTEGER NOT NULL PRIMARY KEY,
    report_id INTEGER NOT NULL,
    case_id INTEGER NOT NULL,
    by_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    credentials TEXT NOT NULL,
    at TEXT NOT NULL,
    text_sha256 TEXT NOT NULL,
    FOREIGN KEY (report_id) REFERENCES report (id),
    FOREIGN KEY (case_id) REFERENCES cases (id),
    FOREIGN KEY (by_id) REFERENCES person (id)
);
CREATE INDEX signature_by_id ON signature (by_id);
CREATE INDEX signature_case_id ON signature (case_id);
CREATE INDEX signature_report_id ON signature (report_id);
CREATE UNIQUE INDEX signature_report_id_by_id ON signature (report_id, by_id);

CREATE TABLE addendum (
    id INTEGER NOT NULL PRIMARY KEY,
    case_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    text TEXT NOT NULL,
    by_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    credentials TEXT NOT NULL,
    at TEXT NOT NULL,
    text_sha256 TEXT NOT NULL,
    FOREIGN KEY (case_id) REFERENCES cases (id),
    FOREIGN KEY (by_id) REFERENCES person (id)
);
CREATE INDEX addendum_by_id ON addendum (by_id);
CREATE INDEX addendum_case_id ON addendum (case_id);
CREATE UNIQUE INDEX addendum_case_id_number ON addendum (case_id, number);

CREATE TABLE proposed_addendum (
    id INTEGER NOT NULL PRIMARY KEY,
    case_id INTEGER NOT NULL,
    client_id TEXT NOT NULL,
    words TEXT NOT NULL,
    at TEXT,
    data TEXT NOT NULL,
    offset_ms INTEGER,
    proposed_by INTEGER NOT NULL,
    proposed_at TEXT NOT NULL,
    settled_by INTEGER,
    settled_at TEXT,
    FOREIGN KEY (case_id) REFERENCES cases (id),
    FOREIGN KEY (proposed_by) REFERENCES person (id),
    CHECK ((settled_by IS NULL) = (settled_at IS NULL))
);
CREATE INDEX proposed_addendum_case_id ON proposed_addendum (case_id);
CREATE INDEX proposed_addendum_proposed_by ON proposed_addendum (proposed_by);
CREATE UNIQUE INDEX proposed_addendum_client_id ON proposed_addendum (client_id);

CREATE TABLE document (
    id INTEGER NOT NULL PRIMARY KEY,
    case_id INTEGER,
    credential_id INTEGER,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    pages INTEGER NOT NULL,
    size INTEGER NOT NULL,
    made_from TEXT NOT NULL,
    added_at TEXT NOT NULL,
    added_by INTEGER,
    FOREIGN KEY (case_id) REFERENCES cases (id),
    FOREIGN KEY (credential_id) REFERENCES credential (id)
);
CREATE INDEX document_case_id ON document (case_id);
CREATE INDEX document_case_id_kind ON document (case_id, kind);
CREATE INDEX document_credential_id ON document (credential_id);

CREATE TABLE withdrawal (
    id INTEGER NOT NULL PRIMARY KEY,
    document_id INTEGER NOT NULL,
    at TEXT NOT NULL,
    by INTEGER NOT NULL,
    FOREIGN KEY (document_id) REFERENCES document (id)
);
CREATE UNIQUE INDEX withdrawal_document_id ON withdrawal (document_id);

CREATE TABLE packet (
    id INTEGER NOT NULL PRIMARY KEY,
    case_id INTEGER NOT NULL,
    preview INTEGER NOT NULL,
    requested_at TEXT NOT NULL,
    requested_by INTEGER,
    document_id INTEGER,
    parts TEXT NOT NULL,
    made_at TEXT,
    FOREIGN KEY (case_id) REFERENCES cases (id),
    FOREIGN KEY (document_id) REFERENCES document (id),
    CHECK ((document_id IS NULL) = (made_at IS NULL))
);
CREATE INDEX packet_case_id ON packet (case_id);
CREATE INDEX packet_document_id ON packet (document_id);

CREATE TABLE device (
    id INTEGER NOT NULL PRIMARY KEY,
    person_id INTEGER NOT NULL,
    session_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    p256dh TEXT NOT NULL,
    auth TEXT NOT NULL,
    enrolled_at TEXT NOT NULL,
    checked_at TEXT NOT NULL,
    proved_at TEXT,
    ended_at TEXT,
    ended_because TEXT NOT NULL,
    FOREIGN KEY (person_id) REFERENCES person (id),
    FOREIGN KEY (session_id) REFERENCES session (id)
);
CREATE INDEX device_person_id ON device (person_id);
CREATE INDEX device_session_id ON device (session_id);
CREATE UNIQUE INDEX device_live_endpoint ON device (endpoint) WHERE (ended_at IS NULL);

CREATE TABLE notice (
    id INTEGER NOT NULL PRIMARY KEY,
    what TEXT NOT NULL,
    edition TEXT NOT NULL,
    person_id INTEGER NOT NULL,
    channel TEXT NOT NULL,
    device_id INTEGER,
    path TEXT NOT NULL,
    queued_at TEXT NOT NULL,
    sent_at TEXT,
    failed_at TEXT,
    error TEXT NOT NULL,
    acknowledged_at TEXT,
    acknowledged_by INTEGER,
    FOREIGN KEY (person_id) REFERENCES person (id),
    FOREIGN KEY (device_id) REFERENCES device (id),
    CHECK ((acknowledged_by IS NULL) = (acknowledged_at IS NULL))
);
CREATE INDEX notice_device_id ON notice (device_id);
CREATE INDEX notice_person_id ON notice (person_id);
CREATE INDEX notice_person_id_id ON notice (person_id, id);
CREATE UNIQUE INDEX notice_what_edition_person_id_channel ON notice (what, edition, person_id, channel);

CREATE TABLE delivery (
    id INTEGER NOT NULL PRIMARY KEY,
    notice_id INTEGER NOT NULL,
    device_id INTEGER NOT NULL,
    at TEXT NOT NULL,
    FOREIGN KEY (notice_id) REFERENCES notice (id),
    FOREIGN KEY (device_id) REFERENCES device (id)
);
CREATE INDEX delivery_device_id ON delivery (device_id);
CREATE INDEX delivery_notice_id ON delivery (notice_id);
CREATE UNIQUE INDEX delivery_notice_id_device_id ON delivery (notice_id, device_id);

CREATE TABLE job (
    id INTEGER NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    subject_id INTEGER NOT NULL,
    state TEXT NOT NULL,
    due_at TEXT NOT NULL,
    lease_until TEXT,
    owner TEXT,
    tries INTEGER NOT NULL,
    error TEXT NOT NULL,
    created_at TEXT NOT NULL,
    done_at TEXT,
    CHECK (state IN ('ready', 'running', 'done', 'dead'))
);
CREATE INDEX job_state_due_at ON job (state, due_at);
CREATE UNIQUE INDEX job_key ON job (key);

CREATE TABLE run (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    local_date TEXT NOT NULL,
    done_at TEXT
);
CREATE UNIQUE INDEX run_name_local_date ON run (name, local_date);

CREATE TABLE heartbeat (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE UNIQUE INDEX heartbeat_name ON heartbeat (name);

CREATE TABLE audit_entry (
    seq INTEGER NOT NULL PRIMARY KEY,
    at TEXT NOT NULL,
    actor INTEGER,
    session INTEGER,
    address TEXT NOT NULL,
    action TEXT NOT NULL,
    noun TEXT NOT NULL,
    row_id INTEGER,
    case_id INTEGER,
    detail TEXT NOT NULL,
    prev TEXT NOT NULL,
    mac TEXT NOT NULL
);
CREATE INDEX audit_entry_case_id ON audit_entry (case_id);
CREATE UNIQUE INDEX audit_entry_prev ON audit_entry (prev);
"""


def up(migrator, db):
    for statement in SCHEMA.split(";"):
        if statement.strip():
            db.execute_sql(statement)
