-- +goose Up

-- Whether the flag was already as the request asked for.
ALTER TABLE flag_requests ADD COLUMN unchanged INTEGER NOT NULL DEFAULT 0;

-- A Davit that knows schema 1 can work with this one: see migrate.go.
PRAGMA user_version = 6001;
