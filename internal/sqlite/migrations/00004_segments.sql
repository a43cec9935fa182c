-- +goose Up

-- Every record of every segment; the newest of each has the highest revision. They
-- are numbered with the records of flags.
CREATE TABLE segment_records (
    sequence    INTEGER PRIMARY KEY,
    doc         TEXT NOT NULL CHECK (json_valid(doc)),
    entry       INTEGER NOT NULL REFERENCES audit (number),
    application TEXT NOT NULL GENERATED ALWAYS AS (doc ->> 'application') VIRTUAL,
    key         TEXT NOT NULL GENERATED ALWAYS AS (doc ->> '$.segment.key') VIRTUAL,
    revision    INTEGER NOT NULL GENERATED ALWAYS AS (doc ->> 'revision') VIRTUAL
);
CREATE UNIQUE INDEX segment_records_revision ON segment_records (application, key, revision);

-- A Davit that knows schema 1 can work with this one, as long as no flag names a
-- segment: see migrate.go.
PRAGMA user_version = 4001;
