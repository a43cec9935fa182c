package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/davit-dev/davit"
	sqlite3 "modernc.org/sqlite/lib"
)

// applicationID is in the header of every store.
const applicationID = 0x44617674

// missing reports whether there is no store at path and never was.
func missing(path string) (bool, error) {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	for _, trace := range []string{".mark", "-wal"} {
		_, err := os.Stat(path + trace)
		if err == nil {
			return false, &davit.Error{Code: davit.CodeRefused,
				Message: fmt.Sprintf("the store %s is gone, but %s%s says that there was one; nothing was changed", path, path, trace),
				Hint:    "restore it from a backup, or remove " + path + trace + " to begin with an empty store"}
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
	}
	return true, nil
}

// Check returns the error with which Open would refuse the store at path, and nil
// when there is none yet. It changes nothing, and the store may be in use.
func Check(ctx context.Context, path string) error {
	if fresh, err := missing(path); fresh || err != nil {
		return err
	}
	_, err := inspect(ctx, path, defaultWhole)
	return err
}

// inspect refuses a store that is not whole or not for this binary. Of one of
// more than whole bytes it leaves the tables that grow for later.
func inspect(ctx context.Context, path string, whole int64) (later bool, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return false, fmt.Errorf("looking at the store: %w", err)
	}
	if info.Size() == 0 { // to SQLite a new database; a store is never created empty
		return false, damaged(path, "it is empty", nil)
	}
	required, err := acknowledged(path)
	if err != nil {
		return false, err
	}
	later = info.Size() > whole
	return later, readOnly(path, func(db *sql.DB) error { return examine(ctx, db, path, required, later) })
}

// readOnly opens the file for reading only: SQLite would otherwise carry the
// write-ahead log over into a damaged file, or delete it.
func readOnly(path string, look func(*sql.DB) error) error {
	name := (&url.URL{Scheme: "file", OmitHost: true, Path: path}).String() + "?mode=ro&_busy_timeout=5000"
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return fmt.Errorf("opening the store %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	return errors.Join(look(db), db.Close())
}

// Examine reads what Open left for later, and returns nil when it is whole. When
// it is not, the store commits nothing any more, and says why.
func (s *Store) Examine(ctx context.Context) error {
	if !s.later {
		return nil
	}
	err := readOnly(s.path, func(db *sql.DB) error { return check(ctx, db, s.path, growing()) })
	if davit.ErrorCode(err) == davit.CodeRefused {
		s.damage.Store(&err)
	}
	return err
}

func examine(ctx context.Context, db *sql.DB, path string, required int64, later bool) error {
	var application int64
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&application); err != nil {
		return explain(err, path, "reading its header")
	}
	if application != applicationID {
		return &davit.Error{Code: davit.CodeRefused, Message: path + " is a database of another program; nothing was changed",
			Hint: "name another file for the store"}
	}
	if err := checkSchema(ctx, db, path); err != nil {
		return err
	}
	var tables []string
	if later {
		tables = bounded()
	}
	if err := check(ctx, db, path, tables); err != nil {
		return err
	}
	commits, err := count(ctx, db)
	if err != nil {
		return explain(err, path, "reading it")
	}
	if commits < required {
		return damaged(path, fmt.Sprintf("%d commits were acknowledged and it holds %d: its end was lost, or an older copy was put in its place", required, commits), nil)
	}
	return nil
}

// checkSchema refuses a schema that a newer Davit has written, unless it says that
// this one can read it: see migrate.
func checkSchema(ctx context.Context, db *sql.DB, path string) error {
	known, err := newest()
	if err != nil {
		return err
	}
	var version sql.NullInt64
	err = db.QueryRowContext(ctx, "SELECT max(version_id) FROM goose_db_version WHERE is_applied").Scan(&version)
	if err != nil {
		return explain(err, path, "reading its schema's version")
	}
	if !version.Valid {
		return damaged(path, "its schema has no version", nil)
	}
	var readable int64
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&readable); err != nil {
		return explain(err, path, "reading its schema's version")
	}
	readableHere := readable/readableFrom == version.Int64 && readable%readableFrom <= known
	if version.Int64 > known && !readableHere {
		return &davit.Error{Code: davit.CodeRefused,
			Message: fmt.Sprintf("the store %s has schema %d, and this Davit knows schemas up to %d; nothing was changed", path, version.Int64, known),
			Hint:    "use the newer Davit that wrote it, or restore a backup from before the update"}
	}
	return nil
}

// bounded are the tables that an engine needs to begin; growing are those that
// grow with every rollout, and with every change of a flag.
func bounded() []string { return []string{"head", "environments", "releases", "rollouts"} }
func growing() []string {
	return []string{"events", "audit", "receipts", "series", "flag_records", "segment_records", "flag_proposals"}
}

// check reads the tables, or the whole store when none is named. It takes about a
// second for 100 MB.
func check(ctx context.Context, db *sql.DB, path string, tables []string) error {
	if err := quickCheck(ctx, db, path, tables); err != nil {
		return err
	}
	return checkText(ctx, db, path, tables)
}

// quickCheck reads every page and checks every constraint, among them that
// documents are JSON.
func quickCheck(ctx context.Context, db *sql.DB, path string, tables []string) error {
	statements := []string{"PRAGMA quick_check(3)"}
	for i, table := range tables {
		statements = append(statements[:i], "PRAGMA quick_check("+table+")")
	}
	var findings []string
	for _, statement := range statements {
		found, err := query(ctx, db, statement)
		if code(err) == sqlite3.SQLITE_ERROR { // a document that cannot be read ends the check
			return damaged(path, "checking it failed", err)
		}
		if err != nil {
			return explain(err, path, "checking it")
		}
		findings = append(findings, found...)
	}
	findings = slices.DeleteFunc(findings, func(finding string) bool { return finding == "ok" })
	if len(findings) > 0 {
		return damaged(path, strings.Join(findings[:min(len(findings), 3)], "; "), nil)
	}
	return nil
}

// checkText refuses text that is not UTF-8. To SQLite a JSON string may hold any
// byte above 0x7F, so it passes over a page of a long document that was
// overwritten with such bytes.
func checkText(ctx context.Context, db *sql.DB, path string, tables []string) error {
	columns, err := query(ctx, db, `SELECT t.name || '.' || c.name FROM sqlite_schema t, pragma_table_info(t.name) c
		WHERE t.type = 'table' AND c.type = 'TEXT'`)
	if err != nil {
		return explain(err, path, "listing its columns")
	}
	for _, name := range columns {
		table, column, _ := strings.Cut(name, ".")
		if tables != nil && !slices.Contains(tables, table) {
			continue
		}
		legible, err := legible(ctx, db, "SELECT "+column+" FROM "+table)
		if err != nil {
			return explain(err, path, "reading its text")
		}
		if !legible {
			return damaged(path, "text of "+name+" was overwritten", nil)
		}
	}
	return nil
}

func legible(ctx context.Context, db *sql.DB, statement string) (yes bool, err error) {
	rows, err := db.QueryContext(ctx, statement)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var text sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&text); err != nil {
			return false, err
		}
		if !utf8.Valid(text) {
			return false, nil
		}
	}
	return true, rows.Err()
}

// query reads a column of text.
func query(ctx context.Context, db *sql.DB, statement string) (list []string, err error) {
	rows, err := db.QueryContext(ctx, statement)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		list = append(list, strings.TrimSpace(text))
	}
	return list, rows.Err()
}

// damaged says that a store is not whole, and why that is known.
func damaged(path, why string, cause error) error {
	return &davit.Error{Code: davit.CodeRefused, Err: cause,
		Message: fmt.Sprintf("the store %s is damaged: %s; nothing was changed", path, why),
		Hint: fmt.Sprintf("restore it from a backup, its -wal and .mark files with it; "+
			"to go on with an older copy knowingly, remove %s.mark", path)}
}
