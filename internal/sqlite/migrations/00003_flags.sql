-- +goose Up

-- Every record of every flag; and which one of each flag is the newest.
CREATE TABLE flag_records (
    sequence    INTEGER PRIMARY KEY,
    doc         TEXT NOT NULL CHECK (json_valid(doc)),
    entry       INTEGER NOT NULL REFERENCES audit (number),
    application TEXT NOT NULL GENERATED ALWAYS AS (doc ->> 'application') VIRTUAL,
    key         TEXT NOT NULL GENERATED ALWAYS AS (doc ->> '$.flag.key') VIRTUAL,
    revision    INTEGER NOT NULL GENERATED ALWAYS AS (doc ->> 'revision') VIRTUAL
);
CREATE UNIQUE INDEX flag_records_revision ON flag_records (application, key, revision);

CREATE TABLE flags (
    application TEXT NOT NULL,
    key         TEXT NOT NULL,
    revision    INTEGER NOT NULL,
    sequence    INTEGER NOT NULL REFERENCES flag_records (sequence),
    PRIMARY KEY (application, key)
) WITHOUT ROWID;

-- Requests that their senders may repeat.
CREATE TABLE flag_requests (
    actor       TEXT NOT NULL,
    key         TEXT NOT NULL,
    digest      TEXT NOT NULL,
    application TEXT NOT NULL,
    flag        TEXT NOT NULL,
    revision    INTEGER NOT NULL,
    at          INTEGER NOT NULL, -- Unix time
    PRIMARY KEY (actor, key)
) WITHOUT ROWID;
CREATE INDEX flag_requests_at ON flag_requests (at);

CREATE TABLE access_keys (
    number INTEGER PRIMARY KEY,
    doc    TEXT NOT NULL CHECK (json_valid(doc)),
    id     TEXT NOT NULL GENERATED ALWAYS AS (doc ->> 'id') VIRTUAL
);
CREATE UNIQUE INDEX access_keys_id ON access_keys (id);

-- A Davit that knows schema 1 can work with this one: see migrate.go.
PRAGMA user_version = 3001;
