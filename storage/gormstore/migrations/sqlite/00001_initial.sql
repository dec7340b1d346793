-- +goose Up

-- The version of the schema, whichever tool ran the migrations. The last
-- statement of every migration sets it.
CREATE TABLE lunas_schema (
    id      INTEGER NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL
);

-- Times are microseconds since 1970, in UTC. Documents are JSON.

-- doc is the payment whole; the other columns are for queries, except that
-- wake_at is moved by leases and then right where doc is not.
CREATE TABLE lunas_payment (
    id         TEXT    NOT NULL PRIMARY KEY,
    tenant     TEXT    NOT NULL,
    user_id    TEXT    NOT NULL,
    plan_key   TEXT    NOT NULL, -- empty for items
    reference  TEXT    NOT NULL,
    status     TEXT    NOT NULL,
    wake_at    INTEGER,          -- null: never
    version    INTEGER NOT NULL,
    last_seq   INTEGER NOT NULL, -- of the last event
    created_at INTEGER NOT NULL,
    doc        TEXT    NOT NULL
);

CREATE INDEX lunas_payment_user ON lunas_payment (tenant, user_id, id);
CREATE INDEX lunas_payment_tenant ON lunas_payment (tenant, id) WHERE tenant <> '';
CREATE INDEX lunas_payment_reference ON lunas_payment (reference, id) WHERE reference <> '';
CREATE INDEX lunas_payment_status ON lunas_payment (status, id) WHERE status <> 'settled';
CREATE INDEX lunas_payment_wake ON lunas_payment (wake_at) WHERE wake_at IS NOT NULL;

-- Names of payments, besides their ids. A name may be longer than databases
-- take for a key, so the key is its SHA-256.
CREATE TABLE lunas_ref (
    hash       BLOB NOT NULL PRIMARY KEY,
    payment_id TEXT NOT NULL,
    kind       TEXT NOT NULL,
    scope      TEXT NOT NULL,
    value      TEXT NOT NULL
) WITHOUT ROWID;

-- The history. Rows are only ever added.
CREATE TABLE lunas_event (
    payment_id TEXT    NOT NULL,
    seq        INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    data       TEXT    NOT NULL,
    PRIMARY KEY (payment_id, seq)
) WITHOUT ROWID;

-- Deliveries that are open or dead. One that is done or dismissed moves to
-- the log, so this table stays small.
CREATE TABLE lunas_delivery (
    payment_id TEXT    NOT NULL,
    target     TEXT    NOT NULL,
    seq        INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    state      TEXT    NOT NULL, -- open, leased, dead
    due        INTEGER,          -- null: dead, or behind a dead one
    lease      INTEGER NOT NULL,
    tries      INTEGER NOT NULL,
    owner      TEXT    NOT NULL,
    last_error TEXT    NOT NULL,
    PRIMARY KEY (payment_id, seq, target)
) WITHOUT ROWID;

-- By target first: a lane that no process serves must not stand in the way of
-- the others.
CREATE INDEX lunas_delivery_due ON lunas_delivery (target, due);
CREATE INDEX lunas_delivery_dead ON lunas_delivery (payment_id) WHERE state = 'dead';

-- Deliveries that are done or dismissed.
CREATE TABLE lunas_delivery_log (
    payment_id TEXT    NOT NULL,
    seq        INTEGER NOT NULL,
    target     TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    state      TEXT    NOT NULL, -- done, dismissed
    lease      INTEGER NOT NULL,
    tries      INTEGER NOT NULL,
    owner      TEXT    NOT NULL,
    last_error TEXT    NOT NULL,
    done_at    INTEGER,
    PRIMARY KEY (payment_id, seq, target)
) WITHOUT ROWID;

CREATE INDEX lunas_delivery_log_target ON lunas_delivery_log (target, payment_id);

CREATE TABLE lunas_lane (
    name TEXT NOT NULL PRIMARY KEY,
    doc  TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE lunas_claim (
    tenant   TEXT NOT NULL,
    user_id  TEXT NOT NULL,
    plan_key TEXT NOT NULL,
    doc      TEXT NOT NULL,
    PRIMARY KEY (tenant, user_id, plan_key)
) WITHOUT ROWID;

-- raw is kept byte for byte.
CREATE TABLE lunas_message (
    id         TEXT    NOT NULL PRIMARY KEY,
    payment_id TEXT    NOT NULL, -- empty: of no known payment
    gateway    TEXT    NOT NULL,
    op         TEXT    NOT NULL,
    ref        TEXT    NOT NULL,
    verdict    TEXT    NOT NULL, -- empty: an answer, not a notification
    note       TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    raw        BLOB
);

CREATE INDEX lunas_message_payment ON lunas_message (payment_id, id) WHERE payment_id <> '';
CREATE INDEX lunas_message_ref ON lunas_message (ref, gateway, id) WHERE ref <> '';
CREATE INDEX lunas_message_verdict ON lunas_message (verdict, id) WHERE verdict <> '';

-- Small documents that are no payments: links. key is called name, as it is a
-- word of SQL. A key is unique within its kind; tenant is for lists.
CREATE TABLE lunas_record (
    kind    TEXT    NOT NULL,
    name    TEXT    NOT NULL,
    tenant  TEXT    NOT NULL,
    version INTEGER NOT NULL,
    doc     TEXT    NOT NULL,
    PRIMARY KEY (kind, name)
);

CREATE INDEX lunas_record_tenant ON lunas_record (tenant, kind, name) WHERE tenant <> '';

INSERT INTO lunas_schema (id, version) VALUES (1, 1);
