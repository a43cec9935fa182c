package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"path"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var embedded embed.FS

// readableFrom separates the two numbers in a store's user_version.
const readableFrom = 1000

// migrate brings the schema to the newest version, each step in a transaction.
//
// The version before must still be able to work with what a migration leaves: it
// takes the store back when its successor fails to serve. So a migration only
// adds: tables, indexes, columns that may be empty. What is not needed any more
// goes one version later. A migration ends with PRAGMA user_version: its own number
// times readableFrom, plus the oldest schema whose Davit can work with it. Without
// that, older ones refuse the store.
func migrate(ctx context.Context, db *sql.DB) error {
	migrations, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, migrations,
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return fmt.Errorf("reading the migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	return nil
}

// newest returns the version of the newest schema that this binary knows.
func newest() (int64, error) {
	names, err := fs.Glob(embedded, "migrations/*.sql")
	if err != nil {
		return 0, err
	}
	var version int64
	for _, name := range names {
		v, err := goose.NumericComponent(path.Base(name))
		if err != nil {
			return 0, err
		}
		version = max(version, v)
	}
	return version, nil
}
