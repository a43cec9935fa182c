-- +goose Up

-- "Davt": tells a store from any other SQLite file.
PRAGMA application_id = 1147238004;

-- Documents are the JSON of the domain's types. What is queried is generated
-- from them, so that a column never disagrees with its document. The checks
-- let quick_check find a document whose pages were lost.

CREATE TABLE head (
    only       INTEGER PRIMARY KEY CHECK (only = 1),
    commits    INTEGER NOT NULL,
    checkpoint TEXT -- the audit log's latest, signed; NULL before the first entry
);
INSERT INTO head (only, commits) VALUES (1, 0);

CREATE TABLE releases (
    number      INTEGER PRIMARY KEY,
    doc         TEXT NOT NULL CHECK (json_valid(doc)),
    id          TEXT NOT NULL GENERATED ALWAYS AS (doc ->> 'id') VIRTUAL,
    application TEXT NOT NULL GENERATED ALWAYS AS (doc ->> 'application') VIRTUAL,
    environment TEXT NOT NULL GENERATED ALWAYS AS (doc ->> 'environment') VIRTUAL,
    version     TEXT NOT NULL GENERATED ALWAYS AS (doc ->> 'version') VIRTUAL
);
CREATE UNIQUE INDEX releases_id ON releases (id);
CREATE INDEX releases_version ON releases (application, environment, version);

CREATE TABLE rollouts (
    number      INTEGER PRIMARY KEY,
    doc         TEXT NOT NULL CHECK (json_valid(doc)),
    ended       INTEGER NOT NULL,
    id          TEXT NOT NULL GENERATED ALWAYS AS (doc ->> 'id') VIRTUAL,
    application TEXT NOT NULL GENERATED ALWAYS AS (doc ->> 'application') VIRTUAL,
    environment TEXT NOT NULL GENERATED ALWAYS AS (doc ->> 'environment') VIRTUAL,
    revision    INTEGER NOT NULL GENERATED ALWAYS AS (doc ->> 'revision') VIRTUAL
);
CREATE UNIQUE INDEX rollouts_id ON rollouts (id);
CREATE INDEX rollouts_environment ON rollouts (application, environment);
CREATE INDEX rollouts_open ON rollouts (number) WHERE NOT ended;

CREATE TABLE environments (
    number      INTEGER PRIMARY KEY,
    doc         TEXT NOT NULL CHECK (json_valid(doc)),
    application TEXT NOT NULL GENERATED ALWAYS AS (doc ->> 'application') VIRTUAL,
    name        TEXT NOT NULL GENERATED ALWAYS AS (doc ->> 'name') VIRTUAL,
    revision    INTEGER NOT NULL GENERATED ALWAYS AS (doc ->> 'revision') VIRTUAL
);
CREATE UNIQUE INDEX environments_name ON environments (application, name);

CREATE TABLE events (
    seq     INTEGER PRIMARY KEY,
    doc     TEXT NOT NULL CHECK (json_valid(doc)),
    rollout TEXT NOT NULL GENERATED ALWAYS AS (doc ->> 'rollout') VIRTUAL
);
CREATE INDEX events_rollout ON events (rollout, seq);

CREATE TABLE audit (
    number      INTEGER PRIMARY KEY, -- the entry's index in the log
    leaf        TEXT NOT NULL CHECK (json_valid(leaf)),
    hashes      BLOB NOT NULL CHECK (length(hashes) > 0 AND length(hashes) % 32 = 0),
    seal        TEXT NOT NULL,
    application TEXT NOT NULL GENERATED ALWAYS AS (coalesce(leaf ->> 'application', '')) VIRTUAL,
    environment TEXT NOT NULL GENERATED ALWAYS AS (coalesce(leaf ->> 'environment', '')) VIRTUAL,
    rollout     TEXT NOT NULL GENERATED ALWAYS AS (coalesce(leaf ->> 'rollout', '')) VIRTUAL
);
CREATE INDEX audit_environment ON audit (application, environment);
CREATE INDEX audit_rollout ON audit (rollout);
