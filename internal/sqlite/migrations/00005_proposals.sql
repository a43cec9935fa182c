-- +goose Up

-- Who has to approve changes of flags in an environment: the newest record of each.
CREATE TABLE flag_protections (
    number      INTEGER PRIMARY KEY,
    doc         TEXT NOT NULL CHECK (json_valid(doc)),
    application TEXT NOT NULL GENERATED ALWAYS AS (doc ->> 'application') VIRTUAL,
    environment TEXT NOT NULL GENERATED ALWAYS AS (doc ->> 'environment') VIRTUAL,
    revision    INTEGER NOT NULL GENERATED ALWAYS AS (doc ->> 'revision') VIRTUAL
);
CREATE UNIQUE INDEX flag_protections_environment ON flag_protections (application, environment);

-- Changes of flags that wait for approval or for their time. The ends of them stay
-- for a while.
CREATE TABLE flag_proposals (
    number      INTEGER PRIMARY KEY,
    doc         TEXT NOT NULL CHECK (json_valid(doc)),
    wakes       INTEGER NOT NULL, -- Unix time in ms; 0 when it has ended
    ended       INTEGER NOT NULL, -- Unix time; 0 when it has not
    id          TEXT NOT NULL GENERATED ALWAYS AS (doc ->> 'id') VIRTUAL,
    application TEXT NOT NULL GENERATED ALWAYS AS (doc ->> 'application') VIRTUAL,
    revision    INTEGER NOT NULL GENERATED ALWAYS AS (doc ->> 'revision') VIRTUAL
);
CREATE UNIQUE INDEX flag_proposals_id ON flag_proposals (id);
CREATE INDEX flag_proposals_application ON flag_proposals (application, number);
CREATE INDEX flag_proposals_wakes ON flag_proposals (wakes) WHERE wakes > 0;
CREATE INDEX flag_proposals_ended ON flag_proposals (ended) WHERE ended > 0;

-- The proposal that came of a request.
ALTER TABLE flag_requests ADD COLUMN proposal TEXT NOT NULL DEFAULT '';

-- A Davit that knows schema 1 can work with this one, but asks nobody to approve and
-- makes no change that is scheduled: see migrate.go.
PRAGMA user_version = 5001;
