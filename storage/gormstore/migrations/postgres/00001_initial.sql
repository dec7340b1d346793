-- +goose Up

-- The version of the schema, whichever tool ran the migrations. The last
-- statement of every migration sets it.
CREATE TABLE lunas_schema (
    id      integer NOT NULL PRIMARY KEY,
    version integer NOT NULL
);

-- Times are microseconds since 1970, in UTC: to_timestamp(wake_at / 1e6)
-- shows one. No session's time zone, and no driver's rounding, comes between.
-- Documents are JSON kept as text: jsonb would change their bytes.
-- Text compares byte for byte, as the ids of gateways do.

-- doc is the payment whole; the other columns are for queries, except that
-- wake_at is moved by leases and then right where doc is not.
CREATE TABLE lunas_payment (
    id         text COLLATE "C" NOT NULL PRIMARY KEY,
    tenant     text COLLATE "C" NOT NULL,
    user_id    text COLLATE "C" NOT NULL,
    plan_key   text COLLATE "C" NOT NULL, -- empty for items
    reference  text COLLATE "C" NOT NULL,
    status     text COLLATE "C" NOT NULL,
    wake_at    bigint,                    -- null: never
    version    bigint NOT NULL,
    last_seq   integer NOT NULL, -- of the last event
    created_at bigint NOT NULL,
    doc        text NOT NULL
) WITH (fillfactor = 70); -- rows are changed in place a few times

CREATE INDEX lunas_payment_user ON lunas_payment (tenant, user_id, id);
CREATE INDEX lunas_payment_tenant ON lunas_payment (tenant, id) WHERE tenant <> '';
CREATE INDEX lunas_payment_reference ON lunas_payment (reference, id) WHERE reference <> '';
CREATE INDEX lunas_payment_status ON lunas_payment (status, id) WHERE status <> 'settled';
CREATE INDEX lunas_payment_wake ON lunas_payment (wake_at) WHERE wake_at IS NOT NULL;

-- Names of payments, besides their ids. A name may be longer than an index
-- takes, so the key is its SHA-256.
CREATE TABLE lunas_ref (
    hash       bytea NOT NULL PRIMARY KEY,
    payment_id text COLLATE "C" NOT NULL,
    kind       text COLLATE "C" NOT NULL,
    scope      text COLLATE "C" NOT NULL,
    value      text COLLATE "C" NOT NULL
);

-- The history. Rows are only ever added.
CREATE TABLE lunas_event (
    payment_id text COLLATE "C" NOT NULL,
    seq        integer NOT NULL,
    kind       text COLLATE "C" NOT NULL,
    version    integer NOT NULL,
    at         bigint NOT NULL,
    data       text NOT NULL,
    PRIMARY KEY (payment_id, seq)
);

-- Deliveries that are open or dead. One that is done or dismissed moves to
-- the log, so this table stays small; it turns over quickly, so it is to be
-- vacuumed often.
CREATE TABLE lunas_delivery (
    payment_id text COLLATE "C" NOT NULL,
    target     text COLLATE "C" NOT NULL,
    seq        integer NOT NULL,
    kind       text COLLATE "C" NOT NULL,
    state      text COLLATE "C" NOT NULL, -- open, leased, dead
    due        bigint,                    -- null: dead, or behind a dead one
    lease      bigint NOT NULL,
    tries      integer NOT NULL,
    owner      text NOT NULL,
    last_error text NOT NULL,
    PRIMARY KEY (payment_id, seq, target)
) WITH (autovacuum_vacuum_scale_factor = 0.01);

-- By target first: a lane that no process serves must not stand in the way of
-- the others.
CREATE INDEX lunas_delivery_due ON lunas_delivery (target, due);
CREATE INDEX lunas_delivery_dead ON lunas_delivery (payment_id) WHERE state = 'dead';

-- Deliveries that are done or dismissed.
CREATE TABLE lunas_delivery_log (
    payment_id text COLLATE "C" NOT NULL,
    seq        integer NOT NULL,
    target     text COLLATE "C" NOT NULL,
    kind       text COLLATE "C" NOT NULL,
    state      text COLLATE "C" NOT NULL, -- done, dismissed
    lease      bigint NOT NULL,
    tries      integer NOT NULL,
    owner      text NOT NULL,
    last_error text NOT NULL,
    done_at    bigint,
    PRIMARY KEY (payment_id, seq, target)
);

CREATE INDEX lunas_delivery_log_target ON lunas_delivery_log (target, payment_id);

CREATE TABLE lunas_lane (
    name text COLLATE "C" NOT NULL PRIMARY KEY,
    doc  text NOT NULL
);

CREATE TABLE lunas_claim (
    tenant   text COLLATE "C" NOT NULL,
    user_id  text COLLATE "C" NOT NULL,
    plan_key text COLLATE "C" NOT NULL,
    doc      text NOT NULL,
    PRIMARY KEY (tenant, user_id, plan_key)
);

-- raw is kept byte for byte.
CREATE TABLE lunas_message (
    id         text COLLATE "C" NOT NULL PRIMARY KEY,
    payment_id text COLLATE "C" NOT NULL, -- empty: of no known payment
    gateway    text COLLATE "C" NOT NULL,
    op         text NOT NULL,
    ref        text COLLATE "C" NOT NULL,
    verdict    text COLLATE "C" NOT NULL, -- empty: an answer, not a notification
    note       text NOT NULL,
    at         bigint NOT NULL,
    raw        bytea
);

CREATE INDEX lunas_message_payment ON lunas_message (payment_id, id) WHERE payment_id <> '';
CREATE INDEX lunas_message_ref ON lunas_message (ref, gateway, id) WHERE ref <> '';
CREATE INDEX lunas_message_verdict ON lunas_message (verdict, id) WHERE verdict <> '';

-- Small documents that are no payments: links. key is called name, as it is a
-- word of SQL. A key is unique within its kind; tenant is for lists.
CREATE TABLE lunas_record (
    kind    text COLLATE "C" NOT NULL,
    name    text COLLATE "C" NOT NULL,
    tenant  text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    doc     text NOT NULL,
    PRIMARY KEY (kind, name)
);

CREATE INDEX lunas_record_tenant ON lunas_record (tenant, kind, name) WHERE tenant <> '';

INSERT INTO lunas_schema (id, version) VALUES (1, 1);
