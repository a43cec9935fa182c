-- +goose Up

-- Which rollouts that have ended have a receipt. Those without one are found
-- without reading all.
ALTER TABLE rollouts ADD COLUMN receipted INTEGER NOT NULL DEFAULT 0;
CREATE INDEX rollouts_unreceipted ON rollouts (number) WHERE ended AND NOT receipted;

CREATE TABLE receipts (
    rollout  TEXT PRIMARY KEY,
    entry    INTEGER NOT NULL REFERENCES audit (number), -- which holds the receipt's digest
    envelope TEXT NOT NULL CHECK (json_valid(envelope))
);

-- What was sampled while a rollout went on.
CREATE TABLE series (
    rollout TEXT PRIMARY KEY,
    doc     TEXT NOT NULL CHECK (json_valid(doc))
);

-- A Davit that knows schema 1 can work with this one: see migrate.go.
PRAGMA user_version = 2001;
