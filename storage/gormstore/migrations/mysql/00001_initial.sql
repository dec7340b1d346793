-- +goose Up

-- Every statement can run again: MySQL commits each CREATE by itself, so a
-- migration that was cut off is run from its beginning.

-- The version of the schema, whichever tool ran the migrations. The last
-- statement of every migration sets it.
CREATE TABLE IF NOT EXISTS lunas_schema (
    id      INT NOT NULL PRIMARY KEY,
    version INT NOT NULL
) ENGINE = InnoDB;

-- Times are microseconds since 1970, in UTC: FROM_UNIXTIME(wake_at / 1e6)
-- shows one. No session's time zone, no parseTime and no loc of a DSN comes
-- between. Keys are VARBINARY: they compare byte for byte, where every
-- collation that both MySQL and MariaDB have ignores spaces at the end.
-- Documents are JSON kept as text: MySQL's own JSON would change their bytes.

-- doc is the payment whole; the other columns are for queries, except that
-- wake_at is moved by leases and then right where doc is not.
CREATE TABLE IF NOT EXISTS lunas_payment (
    id         VARBINARY(64)  NOT NULL PRIMARY KEY,
    tenant     VARBINARY(256) NOT NULL,
    user_id    VARBINARY(512) NOT NULL,
    plan_key   VARBINARY(256) NOT NULL, -- empty for items
    reference  VARBINARY(512) NOT NULL,
    status     VARBINARY(32)  NOT NULL,
    wake_at    BIGINT,                  -- null: never
    version    BIGINT         NOT NULL,
    last_seq   INT            NOT NULL, -- of the last event
    created_at BIGINT         NOT NULL,
    doc        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    INDEX lunas_payment_user (tenant, user_id, id),
    INDEX lunas_payment_tenant (tenant, id),
    INDEX lunas_payment_reference (reference, id),
    INDEX lunas_payment_status (status, id),
    INDEX lunas_payment_wake (wake_at)
) ENGINE = InnoDB;

-- Names of payments, besides their ids. A name may be longer than an index
-- takes, so the key is its SHA-256.
CREATE TABLE IF NOT EXISTS lunas_ref (
    hash       BINARY(32)     NOT NULL PRIMARY KEY,
    payment_id VARBINARY(64)  NOT NULL,
    kind       VARBINARY(32)  NOT NULL,
    scope      BLOB           NOT NULL,
    value      BLOB           NOT NULL
) ENGINE = InnoDB;

-- The history. Rows are only ever added.
CREATE TABLE IF NOT EXISTS lunas_event (
    payment_id VARBINARY(64) NOT NULL,
    seq        INT           NOT NULL,
    kind       VARBINARY(64) NOT NULL,
    version    INT           NOT NULL,
    at         BIGINT        NOT NULL,
    data       LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    PRIMARY KEY (payment_id, seq)
) ENGINE = InnoDB;

-- Deliveries that are open or dead. One that is done or dismissed moves to
-- the log, so this table stays small.
CREATE TABLE IF NOT EXISTS lunas_delivery (
    payment_id VARBINARY(64)  NOT NULL,
    target     VARBINARY(255) NOT NULL,
    seq        INT            NOT NULL,
    kind       VARBINARY(64)  NOT NULL,
    state      VARBINARY(16)  NOT NULL, -- open, leased, dead
    due        BIGINT,                  -- null: dead, or behind a dead one
    lease      BIGINT         NOT NULL,
    tries      INT            NOT NULL,
    owner      VARBINARY(255) NOT NULL,
    last_error TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    PRIMARY KEY (payment_id, seq, target),
    -- By target first: a lane that no process serves must not stand in the
    -- way of the others.
    INDEX lunas_delivery_due (target, due),
    INDEX lunas_delivery_state (state, payment_id)
) ENGINE = InnoDB;

-- Deliveries that are done or dismissed.
CREATE TABLE IF NOT EXISTS lunas_delivery_log (
    payment_id VARBINARY(64)  NOT NULL,
    seq        INT            NOT NULL,
    target     VARBINARY(255) NOT NULL,
    kind       VARBINARY(64)  NOT NULL,
    state      VARBINARY(16)  NOT NULL, -- done, dismissed
    lease      BIGINT         NOT NULL,
    tries      INT            NOT NULL,
    owner      VARBINARY(255) NOT NULL,
    last_error TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    done_at    BIGINT,
    PRIMARY KEY (payment_id, seq, target),
    INDEX lunas_delivery_log_target (target, payment_id)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS lunas_lane (
    name VARBINARY(255) NOT NULL PRIMARY KEY,
    doc  LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS lunas_claim (
    tenant   VARBINARY(256) NOT NULL,
    user_id  VARBINARY(512) NOT NULL,
    plan_key VARBINARY(256) NOT NULL,
    doc      LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    PRIMARY KEY (tenant, user_id, plan_key)
) ENGINE = InnoDB;

-- raw is kept byte for byte.
CREATE TABLE IF NOT EXISTS lunas_message (
    id         VARBINARY(64)   NOT NULL PRIMARY KEY,
    payment_id VARBINARY(64)   NOT NULL, -- empty: of no known payment
    gateway    VARBINARY(255)  NOT NULL,
    op         VARBINARY(255)  NOT NULL,
    ref        VARBINARY(1024) NOT NULL,
    verdict    VARBINARY(32)   NOT NULL, -- empty: an answer, not a notification
    note       TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    at         BIGINT          NOT NULL,
    raw        LONGBLOB,
    INDEX lunas_message_payment (payment_id, id),
    INDEX lunas_message_ref (ref, gateway, id),
    INDEX lunas_message_verdict (verdict, id)
) ENGINE = InnoDB;

-- Small documents that are no payments: links. key is called name, as it is a
-- word of SQL. A key is unique within its kind; tenant is for lists.
CREATE TABLE IF NOT EXISTS lunas_record (
    kind    VARBINARY(32)  NOT NULL,
    name    VARBINARY(255) NOT NULL,
    tenant  VARBINARY(256) NOT NULL,
    version BIGINT         NOT NULL,
    doc     LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    PRIMARY KEY (kind, name),
    INDEX lunas_record_tenant (tenant, kind, name)
) ENGINE = InnoDB;

REPLACE INTO lunas_schema (id, version) VALUES (1, 1);
