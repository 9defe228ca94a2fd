"""The first schema, table by table: a frozen copy that imports no model."""

SCHEMA = """
CREATE TABLE person (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    credentials TEXT NOT NULL,
    npi TEXT NOT NULL,
    taxonomy TEXT NOT NULL,
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

CREATE TABLE passkey (
    id INTEGER NOT NULL PRIMARY KEY,
    person_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    credential_id TEXT NOT NULL,
    public_key BLOB NOT NULL,
    sign_count INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    used_at TEXT,
    removed_at TEXT,
    FOREIGN KEY (person_id) REFERENCES person (id)
);
CREATE INDEX passkey_person_id ON passkey (person_id);
CREATE UNIQUE INDEX passkey_credential_id ON passkey (credential_id);

CREATE TABLE challenge (
    id INTEGER NOT NULL PRIMARY KEY,
    session_id INTEGER NOT NULL,
    purpose TEXT NOT NULL,
    value TEXT NOT NULL,
    made_at TEXT NOT NULL,
    FOREIGN KEY (session_id) REFERENCES session (id)
);
CREATE INDEX challenge_session_id ON challenge (session_id);
CREATE UNIQUE INDEX challenge_session_id_purpose ON challenge (session_id, purpose);

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

CREATE TABLE credential_type (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    issuer TEXT NOT NULL,
    place TEXT NOT NULL,
    roles TEXT NOT NULL,
    cycle_months INTEGER,
    cycle_days INTEGER,
    year_end INTEGER NOT NULL,
    opens_days INTEGER NOT NULL,
    grace_days INTEGER NOT NULL,
    processing_days INTEGER NOT NULL,
    alert_days TEXT NOT NULL,
    needs_document INTEGER NOT NULL,
    holder_verifies INTEGER NOT NULL,
    ce_hours INTEGER NOT NULL,
    how TEXT NOT NULL,
    source TEXT NOT NULL,
    certainty TEXT NOT NULL,
    archived_at TEXT,
    CHECK (place IN ('anywhere', 'state', 'facility'))
);
CREATE UNIQUE INDEX credential_type_name ON credential_type (name);

CREATE TABLE credential (
    id INTEGER NOT NULL PRIMARY KEY,
    person_id INTEGER NOT NULL,
    type_id INTEGER NOT NULL,
    number TEXT NOT NULL,
    issuer TEXT NOT NULL,
    state TEXT NOT NULL,
    facility_id INTEGER,
    from_on TEXT,
    until_on TEXT,
    renews_id INTEGER,
    verified_on TEXT,
    verified_by INTEGER,
    verified_how TEXT NOT NULL,
    withdrawn_on TEXT,
    withdrawn_by INTEGER,
    FOREIGN KEY (person_id) REFERENCES person (id),
    FOREIGN KEY (type_id) REFERENCES credential_type (id),
    FOREIGN KEY (facility_id) REFERENCES facility (id),
    FOREIGN KEY (renews_id) REFERENCES credential (id),
    CHECK ((verified_by IS NULL) = (verified_on IS NULL)),
    CHECK ((withdrawn_by IS NULL) = (withdrawn_on IS NULL))
);
CREATE INDEX credential_facility_id ON credential (facility_id);
CREATE INDEX credential_person_id ON credential (person_id);
CREATE INDEX credential_renews_id ON credential (renews_id);
CREATE INDEX credential_type_id ON credential (type_id);
CREATE INDEX credential_until_on ON credential (until_on);

CREATE TABLE application (
    id INTEGER NOT NULL PRIMARY KEY,
    person_id INTEGER NOT NULL,
    type_id INTEGER NOT NULL,
    state TEXT NOT NULL,
    facility_id INTEGER,
    sent_on TEXT NOT NULL,
    by INTEGER NOT NULL,
    ended_on TEXT,
    FOREIGN KEY (person_id) REFERENCES person (id),
    FOREIGN KEY (type_id) REFERENCES credential_type (id),
    FOREIGN KEY (facility_id) REFERENCES facility (id)
);
CREATE INDEX application_facility_id ON application (facility_id);
CREATE INDEX application_person_id ON application (person_id);
CREATE INDEX application_type_id ON application (type_id);

CREATE TABLE education (
    id INTEGER NOT NULL PRIMARY KEY,
    person_id INTEGER NOT NULL,
    type_id INTEGER NOT NULL,
    title TEXT NOT NULL,
    category TEXT NOT NULL,
    earned_on TEXT NOT NULL,
    minutes INTEGER NOT NULL,
    withdrawn_on TEXT,
    FOREIGN KEY (person_id) REFERENCES person (id),
    FOREIGN KEY (type_id) REFERENCES credential_type (id),
    CHECK (minutes > 0)
);
CREATE INDEX education_person_id ON education (person_id);
CREATE INDEX education_type_id ON education (type_id);

CREATE TABLE surgeon (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    npi TEXT NOT NULL,
    phone TEXT NOT NULL,
    email TEXT NOT NULL,
    interest TEXT NOT NULL,
    attested_on TEXT,
    archived_at TEXT,
    CHECK (interest IN ('', 'none', 'disclosed'))
);
CREATE INDEX surgeon_name ON surgeon (name);

CREATE TABLE receiver (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    receiver_id TEXT NOT NULL,
    submitter_id TEXT NOT NULL,
    contact TEXT NOT NULL,
    phone TEXT NOT NULL,
    email TEXT NOT NULL,
    usage TEXT NOT NULL,
    options TEXT NOT NULL,
    archived_at TEXT,
    CHECK (usage IN ('T', 'P'))
);

CREATE TABLE payer (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    payer_class TEXT NOT NULL,
    payer_id TEXT NOT NULL,
    phone TEXT NOT NULL,
    filing TEXT NOT NULL,
    address TEXT NOT NULL,
    city TEXT NOT NULL,
    state TEXT NOT NULL,
    zip TEXT NOT NULL,
    receiver_id INTEGER,
    archived_at TEXT,
    FOREIGN KEY (receiver_id) REFERENCES receiver (id)
);
CREATE INDEX payer_name ON payer (name);
CREATE INDEX payer_receiver_id ON payer (receiver_id);

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
    pays_technical INTEGER NOT NULL,
    max_concurrent INTEGER NOT NULL,
    filing_days INTEGER,
    appeal_days INTEGER,
    demands TEXT NOT NULL,
    diagnoses TEXT NOT NULL,
    source TEXT NOT NULL,
    certainty TEXT NOT NULL,
    FOREIGN KEY (payer_id) REFERENCES payer (id)
);
CREATE INDEX payer_rule_payer_id ON payer_rule (payer_id);

CREATE TABLE requirement (
    id INTEGER NOT NULL PRIMARY KEY,
    role TEXT NOT NULL,
    type_id INTEGER NOT NULL,
    or_types TEXT NOT NULL,
    facility_id INTEGER,
    payer_id INTEGER,
    must_hold INTEGER NOT NULL,
    for_claims INTEGER NOT NULL,
    from_on TEXT,
    until_on TEXT,
    note TEXT NOT NULL,
    FOREIGN KEY (type_id) REFERENCES credential_type (id),
    FOREIGN KEY (facility_id) REFERENCES facility (id),
    FOREIGN KEY (payer_id) REFERENCES payer (id)
);
CREATE INDEX requirement_facility_id ON requirement (facility_id);
CREATE INDEX requirement_payer_id ON requirement (payer_id);
CREATE INDEX requirement_type_id ON requirement (type_id);

CREATE TABLE waiver (
    id INTEGER NOT NULL PRIMARY KEY,
    person_id INTEGER NOT NULL,
    type_id INTEGER NOT NULL,
    facility_id INTEGER,
    from_on TEXT NOT NULL,
    until_on TEXT NOT NULL,
    reason TEXT NOT NULL,
    by INTEGER NOT NULL,
    FOREIGN KEY (person_id) REFERENCES person (id),
    FOREIGN KEY (type_id) REFERENCES credential_type (id),
    FOREIGN KEY (facility_id) REFERENCES facility (id)
);
CREATE INDEX waiver_facility_id ON waiver (facility_id);
CREATE INDEX waiver_person_id ON waiver (person_id);
CREATE INDEX waiver_type_id ON waiver (type_id);

CREATE TABLE dossier (
    id INTEGER NOT NULL PRIMARY KEY,
    person_id INTEGER NOT NULL,
    facility_id INTEGER NOT NULL,
    requested_at TEXT NOT NULL,
    requested_by INTEGER,
    document_id INTEGER,
    made_at TEXT,
    FOREIGN KEY (person_id) REFERENCES person (id),
    FOREIGN KEY (facility_id) REFERENCES facility (id),
    CHECK ((document_id IS NULL) = (made_at IS NULL))
);
CREATE INDEX dossier_facility_id ON dossier (facility_id);
CREATE INDEX dossier_person_id ON dossier (person_id);

CREATE TABLE patient (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    mrn TEXT NOT NULL,
    dob TEXT,
    sex TEXT NOT NULL,
    address TEXT NOT NULL,
    city TEXT NOT NULL,
    state TEXT NOT NULL,
    zip TEXT NOT NULL,
    phone TEXT NOT NULL
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
    relationship TEXT NOT NULL,
    subscriber TEXT NOT NULL,
    insurance_type TEXT NOT NULL,
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
    case_cents INTEGER NOT NULL,
    hour_cents INTEGER NOT NULL,
    included_minutes INTEGER NOT NULL,
    standby_hour_cents INTEGER NOT NULL,
    cancellation_cents INTEGER NOT NULL,
    terms_days INTEGER NOT NULL,
    bill_to TEXT NOT NULL,
    note TEXT NOT NULL,
    FOREIGN KEY (facility_id) REFERENCES facility (id)
);
CREATE INDEX agreement_facility_id ON agreement (facility_id);

CREATE TABLE billing_provider (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    npi TEXT NOT NULL,
    taxonomy TEXT NOT NULL,
    tax_id TEXT NOT NULL,
    tax_id_is_ssn INTEGER NOT NULL,
    address TEXT NOT NULL,
    city TEXT NOT NULL,
    state TEXT NOT NULL,
    zip TEXT NOT NULL,
    phone TEXT NOT NULL,
    pay_to TEXT NOT NULL,
    from_on TEXT NOT NULL,
    until_on TEXT
);

CREATE TABLE fee (
    id INTEGER NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    payer_id INTEGER,
    code TEXT NOT NULL,
    modifier TEXT NOT NULL,
    cents INTEGER NOT NULL,
    from_on TEXT NOT NULL,
    until_on TEXT,
    source TEXT NOT NULL,
    FOREIGN KEY (payer_id) REFERENCES payer (id),
    CHECK (kind IN ('charge', 'contract', 'medicare')),
    CHECK ((kind = 'contract') = (payer_id IS NOT NULL))
);
CREATE INDEX fee_code_kind_from_on ON fee (code, kind, from_on);
CREATE INDEX fee_payer_id ON fee (payer_id);

CREATE TABLE table_import (
    id INTEGER NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    rows INTEGER NOT NULL,
    rows_read INTEGER NOT NULL,
    from_on TEXT NOT NULL,
    content BLOB,
    refused TEXT NOT NULL,
    offered_at TEXT NOT NULL,
    offered_by INTEGER,
    loaded_at TEXT,
    loaded_by INTEGER,
    CHECK ((content IS NULL) = (loaded_at IS NOT NULL))
);
CREATE INDEX table_import_kind ON table_import (kind);

CREATE TABLE ptp_pair (
    id INTEGER NOT NULL PRIMARY KEY,
    table_id INTEGER NOT NULL,
    first TEXT NOT NULL,
    second TEXT NOT NULL,
    modifier TEXT NOT NULL,
    from_on TEXT NOT NULL,
    until_on TEXT,
    FOREIGN KEY (table_id) REFERENCES table_import (id)
);
CREATE INDEX ptp_pair_first_second_from_on ON ptp_pair (first, second, from_on);

CREATE TABLE unit_limit (
    id INTEGER NOT NULL PRIMARY KEY,
    table_id INTEGER NOT NULL,
    code TEXT NOT NULL,
    units INTEGER NOT NULL,
    adjudication INTEGER NOT NULL,
    FOREIGN KEY (table_id) REFERENCES table_import (id)
);
CREATE UNIQUE INDEX unit_limit_code_table_id ON unit_limit (code, table_id);

CREATE TABLE add_on_primary (
    id INTEGER NOT NULL PRIMARY KEY,
    table_id INTEGER NOT NULL,
    code TEXT NOT NULL,
    primary_code TEXT NOT NULL,
    from_on TEXT NOT NULL,
    until_on TEXT,
    FOREIGN KEY (table_id) REFERENCES table_import (id)
);
CREATE INDEX add_on_primary_code_table_id ON add_on_primary (code, table_id);

CREATE TABLE relative_value (
    id INTEGER NOT NULL PRIMARY KEY,
    table_id INTEGER NOT NULL,
    code TEXT NOT NULL,
    modifier TEXT NOT NULL,
    status TEXT NOT NULL,
    pc_tc TEXT NOT NULL,
    bilateral TEXT NOT NULL,
    facility_hundredths INTEGER,
    factor_ten_thousandths INTEGER NOT NULL,
    FOREIGN KEY (table_id) REFERENCES table_import (id)
);
CREATE UNIQUE INDEX relative_value_code_modifier_table_id ON relative_value (code, modifier, table_id);

CREATE TABLE diagnosis_code (
    id INTEGER NOT NULL PRIMARY KEY,
    code TEXT NOT NULL,
    words TEXT NOT NULL,
    billable INTEGER NOT NULL,
    from_on TEXT NOT NULL,
    until_on TEXT
);
CREATE UNIQUE INDEX diagnosis_code_code_from_on ON diagnosis_code (code, from_on);

CREATE TABLE diagnosis_word (
    word TEXT NOT NULL,
    code_id INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    PRIMARY KEY (word, code_id),
    FOREIGN KEY (code_id) REFERENCES diagnosis_code (id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX diagnosis_word_code_id ON diagnosis_word (code_id);

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

CREATE TABLE override (
    id INTEGER NOT NULL PRIMARY KEY,
    case_id INTEGER NOT NULL,
    person_id INTEGER NOT NULL,
    role TEXT NOT NULL,
    objections TEXT NOT NULL,
    reason TEXT NOT NULL,
    at TEXT NOT NULL,
    by INTEGER NOT NULL,
    FOREIGN KEY (case_id) REFERENCES cases (id),
    FOREIGN KEY (person_id) REFERENCES person (id)
);
CREATE INDEX override_case_id ON override (case_id);
CREATE INDEX override_person_id ON override (person_id);

CREATE TABLE obstacle (
    id INTEGER NOT NULL PRIMARY KEY,
    case_id INTEGER NOT NULL,
    person_id INTEGER NOT NULL,
    role TEXT NOT NULL,
    demand TEXT NOT NULL,
    state TEXT NOT NULL,
    sentence TEXT NOT NULL,
    raised_at TEXT NOT NULL,
    cleared_at TEXT,
    FOREIGN KEY (case_id) REFERENCES cases (id),
    FOREIGN KEY (person_id) REFERENCES person (id)
);
CREATE INDEX obstacle_case_id ON obstacle (case_id);
CREATE INDEX obstacle_person_id ON obstacle (person_id);
CREATE UNIQUE INDEX obstacle_standing ON obstacle (case_id, person_id, role, demand) WHERE (cleared_at IS NULL);

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

CREATE TABLE stretch (
    id INTEGER NOT NULL PRIMARY KEY,
    case_id INTEGER NOT NULL,
    who TEXT NOT NULL,
    start TEXT NOT NULL,
    end TEXT NOT NULL,
    in_room INTEGER NOT NULL,
    alone INTEGER NOT NULL,
    FOREIGN KEY (case_id) REFERENCES cases (id)
);
CREATE INDEX stretch_case_id ON stretch (case_id);
CREATE INDEX stretch_start ON stretch (start);
CREATE INDEX stretch_who_start ON stretch (who, start);

CREATE TABLE allotment (
    id INTEGER NOT NULL PRIMARY KEY,
    case_id INTEGER NOT NULL,
    who TEXT NOT NULL,
    method TEXT NOT NULL,
    exclusive TEXT NOT NULL,
    shared TEXT NOT NULL,
    reason TEXT NOT NULL,
    at TEXT NOT NULL,
    by INTEGER NOT NULL,
    FOREIGN KEY (case_id) REFERENCES cases (id),
    CHECK (method IN ('whole', 'equal', 'signed'))
);
CREATE INDEX allotment_case_id ON allotment (case_id);

CREATE TABLE report (
    id INTEGER NOT NULL PRIMARY KEY,
    case_id INTEGER NOT NULL,
    record_rev INTEGER NOT NULL,
    facts BLOB NOT NULL,
    layout BLOB NOT NULL,
    text TEXT NOT NULL,
    text_sha256 TEXT NOT NULL,
    wordings TEXT NOT NULL,
    drafted_at TEXT NOT NULL,
    drafted_by INTEGER,
    FOREIGN KEY (case_id) REFERENCES cases (id)
);
CREATE INDEX report_case_id ON report (case_id);

CREATE TABLE wording_switch (
    id INTEGER NOT NULL PRIMARY KEY,
    "on" INTEGER NOT NULL,
    host TEXT NOT NULL,
    model TEXT NOT NULL,
    baa_on TEXT,
    at TEXT NOT NULL,
    by_id INTEGER NOT NULL,
    FOREIGN KEY (by_id) REFERENCES person (id)
);
CREATE INDEX wording_switch_by_id ON wording_switch (by_id);

CREATE TABLE proposal (
    id INTEGER NOT NULL PRIMARY KEY,
    report_id INTEGER NOT NULL,
    state TEXT NOT NULL,
    host TEXT NOT NULL,
    model TEXT NOT NULL,
    prompt TEXT NOT NULL,
    facts_digest TEXT NOT NULL,
    asked_at TEXT NOT NULL,
    asked_by_id INTEGER NOT NULL,
    request_sha256 TEXT NOT NULL,
    heard INTEGER NOT NULL,
    answered_at TEXT,
    tokens_in INTEGER,
    tokens_out INTEGER,
    replies TEXT NOT NULL,
    suggestions TEXT NOT NULL,
    note TEXT NOT NULL,
    FOREIGN KEY (report_id) REFERENCES report (id),
    FOREIGN KEY (asked_by_id) REFERENCES person (id),
    CHECK (state IN ('asked', 'made', 'failed'))
);
CREATE INDEX proposal_asked_by_id ON proposal (asked_by_id);
CREATE INDEX proposal_report_id ON proposal (report_id);

CREATE TABLE reworded (
    id INTEGER NOT NULL PRIMARY KEY,
    case_id INTEGER NOT NULL,
    section TEXT NOT NULL,
    key TEXT NOT NULL,
    built_in TEXT NOT NULL,
    text TEXT NOT NULL,
    author TEXT NOT NULL,
    proposal_id INTEGER,
    at TEXT NOT NULL,
    by_id INTEGER NOT NULL,
    FOREIGN KEY (case_id) REFERENCES cases (id),
    FOREIGN KEY (proposal_id) REFERENCES proposal (id),
    FOREIGN KEY (by_id) REFERENCES person (id),
    CHECK (author IN ('built-in', 'model', 'technologist', 'physician'))
);
CREATE INDEX reworded_by_id ON reworded (by_id);
CREATE INDEX reworded_case_id ON reworded (case_id);
CREATE INDEX reworded_case_id_key ON reworded (case_id, key);
CREATE INDEX reworded_proposal_id ON reworded (proposal_id);

CREATE TABLE review (
    id INTEGER NOT NULL PRIMARY KEY,
    report_id INTEGER NOT NULL,
    person_id INTEGER NOT NULL,
    opened_at TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    seconds INTEGER NOT NULL,
    FOREIGN KEY (report_id) REFERENCES report (id),
    FOREIGN KEY (person_id) REFERENCES person (id)
);
CREATE INDEX review_person_id ON review (person_id);
CREATE INDEX review_report_id ON review (report_id);

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
CREATE INDEX signature_text_sha256 ON signature (text_sha256);
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
CREATE INDEX document_sha256 ON document (sha256);

CREATE TABLE withdrawal (
    id INTEGER NOT NULL PRIMARY KEY,
    document_id INTEGER NOT NULL,
    at TEXT NOT NULL,
    by INTEGER NOT NULL,
    FOREIGN KEY (document_id) REFERENCES document (id)
);
CREATE UNIQUE INDEX withdrawal_document_id ON withdrawal (document_id);

CREATE TABLE records_request (
    id INTEGER NOT NULL PRIMARY KEY,
    case_id INTEGER NOT NULL,
    purpose TEXT NOT NULL,
    requester TEXT NOT NULL,
    reference TEXT NOT NULL,
    asked_on TEXT NOT NULL,
    due_on TEXT NOT NULL,
    entered_at TEXT NOT NULL,
    entered_by INTEGER NOT NULL,
    answered_on TEXT,
    answered_how TEXT NOT NULL,
    FOREIGN KEY (case_id) REFERENCES cases (id),
    CHECK (purpose IN ('records', 'audit'))
);
CREATE INDEX records_request_case_id ON records_request (case_id);
CREATE INDEX records_request_due_on ON records_request (due_on);

CREATE TABLE packet (
    id INTEGER NOT NULL PRIMARY KEY,
    case_id INTEGER NOT NULL,
    purpose TEXT NOT NULL,
    preview INTEGER NOT NULL,
    answers_id INTEGER,
    denial TEXT NOT NULL,
    left_out TEXT NOT NULL,
    requested_at TEXT NOT NULL,
    requested_by INTEGER,
    document_id INTEGER,
    parts TEXT NOT NULL,
    demands TEXT NOT NULL,
    made_at TEXT,
    FOREIGN KEY (case_id) REFERENCES cases (id),
    FOREIGN KEY (answers_id) REFERENCES records_request (id),
    FOREIGN KEY (document_id) REFERENCES document (id),
    CHECK (purpose IN ('claim', 'records', 'appeal', 'audit')),
    CHECK ((document_id IS NULL) = (made_at IS NULL))
);
CREATE INDEX packet_answers_id ON packet (answers_id);
CREATE INDEX packet_case_id ON packet (case_id);
CREATE INDEX packet_document_id ON packet (document_id);

CREATE TABLE packet_demand (
    id INTEGER NOT NULL PRIMARY KEY,
    payer_id INTEGER,
    payer_class TEXT NOT NULL,
    purpose TEXT NOT NULL,
    part TEXT NOT NULL,
    words TEXT NOT NULL,
    required INTEGER NOT NULL,
    from_on TEXT NOT NULL,
    until_on TEXT,
    source TEXT NOT NULL,
    certainty TEXT NOT NULL,
    FOREIGN KEY (payer_id) REFERENCES payer (id)
);
CREATE INDEX packet_demand_payer_id ON packet_demand (payer_id);

CREATE TABLE sending (
    id INTEGER NOT NULL PRIMARY KEY,
    packet_id INTEGER NOT NULL,
    sent_on TEXT NOT NULL,
    how TEXT NOT NULL,
    sent_to TEXT NOT NULL,
    tracking TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    at TEXT NOT NULL,
    by INTEGER NOT NULL,
    FOREIGN KEY (packet_id) REFERENCES packet (id)
);
CREATE INDEX sending_packet_id ON sending (packet_id);

CREATE TABLE billing (
    id INTEGER NOT NULL PRIMARY KEY,
    case_id INTEGER NOT NULL,
    authorization TEXT NOT NULL,
    authorization_waived TEXT NOT NULL,
    referral_number TEXT NOT NULL,
    admitted_on TEXT,
    discharged_on TEXT,
    in_network INTEGER,
    emergency INTEGER NOT NULL,
    accident TEXT NOT NULL,
    accident_on TEXT,
    accident_state TEXT NOT NULL,
    casualty_number TEXT NOT NULL,
    diagnosis TEXT NOT NULL,
    modifiers TEXT NOT NULL,
    pointers TEXT NOT NULL,
    payer_id INTEGER,
    not_billed TEXT NOT NULL,
    FOREIGN KEY (case_id) REFERENCES cases (id),
    FOREIGN KEY (payer_id) REFERENCES payer (id)
);
CREATE INDEX billing_payer_id ON billing (payer_id);
CREATE UNIQUE INDEX billing_case_id ON billing (case_id);

CREATE TABLE claim (
    id INTEGER NOT NULL PRIMARY KEY,
    case_id INTEGER NOT NULL,
    payer_id INTEGER NOT NULL,
    number TEXT NOT NULL,
    sequence TEXT NOT NULL,
    frequency TEXT NOT NULL,
    replaces_id INTEGER,
    body BLOB NOT NULL,
    date_of_service TEXT NOT NULL,
    total_cents INTEGER NOT NULL,
    expected_cents INTEGER,
    file_by TEXT,
    payer_control TEXT NOT NULL,
    state TEXT NOT NULL,
    state_at TEXT NOT NULL,
    made_at TEXT NOT NULL,
    made_by INTEGER,
    FOREIGN KEY (case_id) REFERENCES cases (id),
    FOREIGN KEY (payer_id) REFERENCES payer (id),
    FOREIGN KEY (replaces_id) REFERENCES claim (id),
    CHECK (sequence IN ('P', 'S', 'T')),
    CHECK (frequency IN ('1', '7', '8')),
    CHECK ((frequency = '1') = (replaces_id IS NULL)),
    CHECK (state IN ('coded', 'held', 'released', 'submitted', 'accepted', 'rejected', 'paid', 'denied', 'withdrawn', 'replaced', 'voided'))
);
CREATE INDEX claim_case_id ON claim (case_id);
CREATE INDEX claim_case_id_id ON claim (case_id, id);
CREATE INDEX claim_payer_control ON claim (payer_control);
CREATE INDEX claim_payer_id ON claim (payer_id);
CREATE INDEX claim_payer_id_date_of_service ON claim (payer_id, date_of_service);
CREATE INDEX claim_replaces_id ON claim (replaces_id);
CREATE INDEX claim_state_date_of_service_total_cents_id_payer_id_file_by ON claim (state, date_of_service, total_cents, id, payer_id, file_by);
CREATE UNIQUE INDEX claim_number ON claim (number);

CREATE TABLE claim_act (
    id INTEGER NOT NULL PRIMARY KEY,
    claim_id INTEGER NOT NULL,
    act TEXT NOT NULL,
    state TEXT NOT NULL,
    words TEXT NOT NULL,
    at TEXT NOT NULL,
    by INTEGER,
    FOREIGN KEY (claim_id) REFERENCES claim (id)
);
CREATE INDEX claim_act_claim_id ON claim_act (claim_id);

CREATE TABLE decided (
    id INTEGER NOT NULL PRIMARY KEY,
    claim_id INTEGER NOT NULL,
    "on" TEXT NOT NULL,
    lines TEXT NOT NULL,
    at TEXT NOT NULL,
    by INTEGER NOT NULL,
    FOREIGN KEY (claim_id) REFERENCES claim (id)
);
CREATE INDEX decided_claim_id ON decided (claim_id);

CREATE TABLE unbilled (
    id INTEGER NOT NULL PRIMARY KEY,
    case_id INTEGER NOT NULL,
    facility_id INTEGER NOT NULL,
    payer_id INTEGER,
    date_of_service TEXT NOT NULL,
    signed INTEGER NOT NULL,
    lines INTEGER,
    cents INTEGER,
    FOREIGN KEY (case_id) REFERENCES cases (id),
    FOREIGN KEY (facility_id) REFERENCES facility (id),
    FOREIGN KEY (payer_id) REFERENCES payer (id)
);
CREATE INDEX unbilled_facility_id ON unbilled (facility_id);
CREATE INDEX unbilled_payer_id ON unbilled (payer_id);
CREATE INDEX unbilled_signed_date_of_service ON unbilled (signed, date_of_service);
CREATE UNIQUE INDEX unbilled_case_id ON unbilled (case_id);

CREATE TABLE hold (
    id INTEGER NOT NULL PRIMARY KEY,
    claim_id INTEGER NOT NULL,
    rule TEXT NOT NULL,
    reason TEXT NOT NULL,
    at TEXT NOT NULL,
    by INTEGER,
    released_at TEXT,
    released_by INTEGER,
    release_reason TEXT NOT NULL,
    FOREIGN KEY (claim_id) REFERENCES claim (id),
    CHECK (released_by IS NULL OR released_at IS NOT NULL)
);
CREATE INDEX hold_claim_id ON hold (claim_id);

CREATE TABLE finding_override (
    id INTEGER NOT NULL PRIMARY KEY,
    case_id INTEGER NOT NULL,
    finding TEXT NOT NULL,
    message TEXT NOT NULL,
    reason TEXT NOT NULL,
    at TEXT NOT NULL,
    by INTEGER NOT NULL,
    FOREIGN KEY (case_id) REFERENCES cases (id)
);
CREATE INDEX finding_override_case_id ON finding_override (case_id);

CREATE TABLE firing (
    id INTEGER NOT NULL PRIMARY KEY,
    rule TEXT NOT NULL,
    case_id INTEGER NOT NULL,
    severity TEXT NOT NULL,
    message TEXT NOT NULL,
    at TEXT NOT NULL,
    cleared_at TEXT,
    FOREIGN KEY (case_id) REFERENCES cases (id)
);
CREATE INDEX firing_case_id ON firing (case_id);
CREATE INDEX firing_case_id_cleared_at ON firing (case_id, cleared_at);
CREATE INDEX firing_rule_at ON firing (rule, at);

CREATE TABLE own_rule (
    id INTEGER NOT NULL PRIMARY KEY,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    conditions TEXT NOT NULL,
    "then" TEXT NOT NULL,
    message TEXT NOT NULL,
    "on" INTEGER NOT NULL,
    at TEXT NOT NULL,
    by INTEGER NOT NULL,
    CHECK ("then" IN ('hold', 'warn', 'note'))
);
CREATE INDEX own_rule_number ON own_rule (number);

CREATE TABLE counter (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    value INTEGER NOT NULL
);
CREATE UNIQUE INDEX counter_name ON counter (name);

CREATE TABLE claim_file (
    id INTEGER NOT NULL PRIMARY KEY,
    receiver_id INTEGER NOT NULL,
    usage TEXT NOT NULL,
    interchange INTEGER NOT NULL,
    batch TEXT NOT NULL,
    claims INTEGER NOT NULL,
    cents INTEGER NOT NULL,
    notes TEXT NOT NULL,
    document_id INTEGER NOT NULL,
    made_at TEXT NOT NULL,
    made_by INTEGER,
    FOREIGN KEY (receiver_id) REFERENCES receiver (id),
    FOREIGN KEY (document_id) REFERENCES document (id),
    CHECK (usage IN ('T', 'P'))
);
CREATE INDEX claim_file_document_id ON claim_file (document_id);
CREATE INDEX claim_file_receiver_id ON claim_file (receiver_id);
CREATE UNIQUE INDEX claim_file_batch ON claim_file (batch);
CREATE UNIQUE INDEX claim_file_interchange ON claim_file (interchange);

CREATE TABLE claim_in_file (
    id INTEGER NOT NULL PRIMARY KEY,
    file_id INTEGER NOT NULL,
    claim_id INTEGER NOT NULL,
    FOREIGN KEY (file_id) REFERENCES claim_file (id),
    FOREIGN KEY (claim_id) REFERENCES claim (id)
);
CREATE INDEX claim_in_file_claim_id ON claim_in_file (claim_id);
CREATE INDEX claim_in_file_file_id ON claim_in_file (file_id);
CREATE UNIQUE INDEX claim_in_file_file_id_claim_id ON claim_in_file (file_id, claim_id);

CREATE TABLE file_act (
    id INTEGER NOT NULL PRIMARY KEY,
    file_id INTEGER NOT NULL,
    act TEXT NOT NULL,
    words TEXT NOT NULL,
    at TEXT NOT NULL,
    by INTEGER,
    FOREIGN KEY (file_id) REFERENCES claim_file (id),
    CHECK (act IN ('handed_in', 'given_up'))
);
CREATE UNIQUE INDEX file_act_file_id ON file_act (file_id);

CREATE TABLE batch (
    id INTEGER NOT NULL PRIMARY KEY,
    receiver_id INTEGER NOT NULL,
    claims TEXT NOT NULL,
    file_id INTEGER,
    problems TEXT NOT NULL,
    requested_at TEXT NOT NULL,
    requested_by INTEGER,
    done_at TEXT,
    FOREIGN KEY (receiver_id) REFERENCES receiver (id),
    FOREIGN KEY (file_id) REFERENCES claim_file (id)
);
CREATE INDEX batch_file_id ON batch (file_id);
CREATE INDEX batch_receiver_id ON batch (receiver_id);

CREATE TABLE answer_file (
    id INTEGER NOT NULL PRIMARY KEY,
    sha256 TEXT NOT NULL,
    name TEXT NOT NULL,
    document_id INTEGER NOT NULL,
    unmatched TEXT NOT NULL,
    received_at TEXT NOT NULL,
    received_by INTEGER,
    FOREIGN KEY (document_id) REFERENCES document (id)
);
CREATE INDEX answer_file_document_id ON answer_file (document_id);
CREATE UNIQUE INDEX answer_file_sha256 ON answer_file (sha256);

CREATE TABLE claim_answer (
    id INTEGER NOT NULL PRIMARY KEY,
    file_id INTEGER NOT NULL,
    claim_id INTEGER NOT NULL,
    sent_id INTEGER,
    source TEXT NOT NULL,
    outcome TEXT NOT NULL,
    words TEXT NOT NULL,
    FOREIGN KEY (file_id) REFERENCES answer_file (id),
    FOREIGN KEY (claim_id) REFERENCES claim (id),
    FOREIGN KEY (sent_id) REFERENCES claim_file (id),
    CHECK (outcome IN ('accepted', 'received', 'partial', 'rejected', 'unknown'))
);
CREATE INDEX claim_answer_claim_id ON claim_answer (claim_id);
CREATE INDEX claim_answer_file_id ON claim_answer (file_id);
CREATE INDEX claim_answer_sent_id ON claim_answer (sent_id);

CREATE TABLE printer (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    right_by INTEGER NOT NULL,
    down_by INTEGER NOT NULL
);
CREATE UNIQUE INDEX printer_name ON printer (name);

CREATE TABLE invoice (
    id INTEGER NOT NULL PRIMARY KEY,
    facility_id INTEGER NOT NULL,
    number TEXT NOT NULL,
    from_on TEXT NOT NULL,
    until_on TEXT NOT NULL,
    issued_on TEXT NOT NULL,
    due_on TEXT NOT NULL,
    total_cents INTEGER NOT NULL,
    bill_to TEXT NOT NULL,
    document_id INTEGER,
    made_at TEXT,
    issued_by INTEGER NOT NULL,
    void_at TEXT,
    void_by INTEGER,
    void_reason TEXT NOT NULL,
    FOREIGN KEY (facility_id) REFERENCES facility (id),
    FOREIGN KEY (document_id) REFERENCES document (id),
    CHECK ((document_id IS NULL) = (made_at IS NULL)),
    CHECK ((void_by IS NULL) = (void_at IS NULL))
);
CREATE INDEX invoice_document_id ON invoice (document_id);
CREATE INDEX invoice_facility_id ON invoice (facility_id);
CREATE UNIQUE INDEX invoice_number ON invoice (number);

CREATE TABLE invoice_line (
    id INTEGER NOT NULL PRIMARY KEY,
    invoice_id INTEGER NOT NULL,
    case_id INTEGER,
    what TEXT NOT NULL,
    minutes INTEGER,
    cents INTEGER NOT NULL,
    derivation TEXT NOT NULL,
    FOREIGN KEY (invoice_id) REFERENCES invoice (id),
    FOREIGN KEY (case_id) REFERENCES cases (id),
    CHECK (what IN ('case', 'hours', 'standby', 'cancellation', 'other'))
);
CREATE INDEX invoice_line_case_id ON invoice_line (case_id);
CREATE INDEX invoice_line_invoice_id ON invoice_line (invoice_id);

CREATE TABLE invoice_payment (
    id INTEGER NOT NULL PRIMARY KEY,
    invoice_id INTEGER NOT NULL,
    paid_on TEXT NOT NULL,
    cents INTEGER NOT NULL,
    reference TEXT NOT NULL,
    at TEXT NOT NULL,
    by INTEGER NOT NULL,
    FOREIGN KEY (invoice_id) REFERENCES invoice (id)
);
CREATE INDEX invoice_payment_invoice_id ON invoice_payment (invoice_id);

CREATE TABLE statement (
    id INTEGER NOT NULL PRIMARY KEY,
    facility_id INTEGER NOT NULL,
    as_of TEXT NOT NULL,
    requested_at TEXT NOT NULL,
    requested_by INTEGER NOT NULL,
    document_id INTEGER,
    made_at TEXT,
    FOREIGN KEY (facility_id) REFERENCES facility (id),
    FOREIGN KEY (document_id) REFERENCES document (id),
    CHECK ((document_id IS NULL) = (made_at IS NULL))
);
CREATE INDEX statement_document_id ON statement (document_id);
CREATE INDEX statement_facility_id ON statement (facility_id);

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
    dropped_at TEXT,
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

CREATE TABLE preference (
    id INTEGER NOT NULL PRIMARY KEY,
    person_id INTEGER NOT NULL,
    channels TEXT NOT NULL,
    alert_days TEXT NOT NULL,
    quiet_from TEXT NOT NULL,
    quiet_until TEXT NOT NULL,
    zone TEXT NOT NULL,
    urgent_breaks INTEGER NOT NULL,
    second_id INTEGER,
    FOREIGN KEY (person_id) REFERENCES person (id),
    FOREIGN KEY (second_id) REFERENCES person (id),
    CHECK ((quiet_from = '') = (quiet_until = ''))
);
CREATE INDEX preference_second_id ON preference (second_id);
CREATE UNIQUE INDEX preference_person_id ON preference (person_id);

CREATE TABLE drill (
    id INTEGER NOT NULL PRIMARY KEY,
    asked_at TEXT NOT NULL,
    asked_by INTEGER
);

CREATE TABLE snapshot (
    id INTEGER NOT NULL PRIMARY KEY,
    header TEXT NOT NULL,
    list TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    rows INTEGER NOT NULL,
    rows_before INTEGER,
    made_on TEXT NOT NULL,
    newest_on TEXT,
    small_confirmed INTEGER NOT NULL,
    received_at TEXT NOT NULL,
    received_by INTEGER,
    loaded_at TEXT,
    refused TEXT NOT NULL,
    small INTEGER NOT NULL
);
CREATE INDEX snapshot_list ON snapshot (list);

CREATE TABLE excluded_party (
    id INTEGER NOT NULL PRIMARY KEY,
    snapshot_id INTEGER NOT NULL,
    last TEXT NOT NULL,
    first TEXT NOT NULL,
    middle TEXT NOT NULL,
    business TEXT NOT NULL,
    npi TEXT NOT NULL,
    dob TEXT NOT NULL,
    state TEXT NOT NULL,
    city TEXT NOT NULL,
    kind TEXT NOT NULL,
    from_on TEXT NOT NULL,
    trade TEXT NOT NULL,
    waiver TEXT NOT NULL,
    last_key TEXT NOT NULL,
    first_key TEXT NOT NULL,
    business_key TEXT NOT NULL,
    FOREIGN KEY (snapshot_id) REFERENCES snapshot (id)
);
CREATE INDEX excluded_party_snapshot_id ON excluded_party (snapshot_id);

CREATE TABLE party (
    id INTEGER NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    person_id INTEGER,
    surgeon_id INTEGER,
    name TEXT NOT NULL,
    aliases TEXT NOT NULL,
    dob TEXT NOT NULL,
    npi TEXT NOT NULL,
    states TEXT NOT NULL,
    added_at TEXT NOT NULL,
    ended_at TEXT,
    ended_by INTEGER,
    FOREIGN KEY (person_id) REFERENCES person (id),
    FOREIGN KEY (surgeon_id) REFERENCES surgeon (id),
    CHECK (kind IN ('person', 'surgeon', 'vendor', 'entity')),
    CHECK ((ended_by IS NULL) = (ended_at IS NULL))
);
CREATE INDEX party_surgeon_id ON party (surgeon_id);
CREATE UNIQUE INDEX party_person_id ON party (person_id);

CREATE TABLE screening (
    id INTEGER NOT NULL PRIMARY KEY,
    asked_at TEXT NOT NULL,
    asked_by INTEGER,
    done_at TEXT,
    lists TEXT NOT NULL,
    parties INTEGER NOT NULL,
    hits INTEGER NOT NULL
);

CREATE TABLE screened (
    id INTEGER NOT NULL PRIMARY KEY,
    screening_id INTEGER NOT NULL,
    party_id INTEGER NOT NULL,
    names TEXT NOT NULL,
    dob TEXT NOT NULL,
    npi TEXT NOT NULL,
    states TEXT NOT NULL,
    found TEXT NOT NULL,
    dismissed TEXT NOT NULL,
    FOREIGN KEY (screening_id) REFERENCES screening (id),
    FOREIGN KEY (party_id) REFERENCES party (id)
);
CREATE INDEX screened_party_id ON screened (party_id);
CREATE INDEX screened_screening_id ON screened (screening_id);
CREATE UNIQUE INDEX screened_screening_id_party_id ON screened (screening_id, party_id);

CREATE TABLE hit (
    id INTEGER NOT NULL PRIMARY KEY,
    party_id INTEGER NOT NULL,
    screening_id INTEGER NOT NULL,
    seen_in_id INTEGER NOT NULL,
    listed TEXT NOT NULL,
    agrees TEXT NOT NULL,
    differs TEXT NOT NULL,
    list TEXT NOT NULL,
    row_key TEXT NOT NULL,
    tier TEXT NOT NULL,
    score INTEGER NOT NULL,
    together INTEGER NOT NULL,
    state TEXT NOT NULL,
    FOREIGN KEY (party_id) REFERENCES party (id),
    FOREIGN KEY (screening_id) REFERENCES screening (id),
    FOREIGN KEY (seen_in_id) REFERENCES screening (id),
    CHECK (state IN ('open', 'cleared', 'confirmed', 'dismissed'))
);
CREATE INDEX hit_party_id ON hit (party_id);
CREATE INDEX hit_party_id_row_key ON hit (party_id, row_key);
CREATE INDEX hit_screening_id ON hit (screening_id);
CREATE INDEX hit_seen_in_id ON hit (seen_in_id);
CREATE INDEX hit_state ON hit (state);

CREATE TABLE decision (
    id INTEGER NOT NULL PRIMARY KEY,
    hit_id INTEGER NOT NULL,
    what TEXT NOT NULL,
    reason TEXT NOT NULL,
    evidence TEXT NOT NULL,
    list_sha256 TEXT NOT NULL,
    at TEXT NOT NULL,
    by INTEGER,
    FOREIGN KEY (hit_id) REFERENCES hit (id)
);
CREATE INDEX decision_hit_id ON decision (hit_id);

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
