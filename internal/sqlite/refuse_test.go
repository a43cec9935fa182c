package sqlite_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/sqlite"
)

// content reads the files of the store in dir. SQLite's index of the
// write-ahead log (-shm) is left out: it holds nothing that is not elsewhere.
func content(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, suffix := range []string{"", "-wal", ".mark"} {
		data, err := os.ReadFile(filepath.Join(dir, "davit.db"+suffix))
		if err == nil {
			files[suffix] = data
		} else if !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	return files
}

// lay writes the files of a store, and its audit key, into a new directory.
func lay(t *testing.T, files map[string][]byte, from string) string {
	t.Helper()
	dir := t.TempDir()
	key, err := os.ReadFile(filepath.Join(from, "audit"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "audit"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	for suffix, data := range files {
		if err := os.WriteFile(filepath.Join(dir, "davit.db"+suffix), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// mustRefuse opens the store in dir, which must fail and change nothing.
func mustRefuse(t *testing.T, dir string, code davit.Code, says string) {
	t.Helper()
	before := content(t, dir)
	s, err := openIn(t.Context(), dir)
	if err == nil {
		t.Fatal(errors.Join(errors.New("the store was opened"), s.Close()))
	}
	refused(t, err, code, says)
	after := content(t, dir)
	for _, suffix := range []string{"", "-wal", ".mark"} {
		if !bytes.Equal(before[suffix], after[suffix]) {
			t.Errorf("davit.db%s was changed: %d bytes before, %d after", suffix, len(before[suffix]), len(after[suffix]))
		}
	}
}

// refusedOrWhole lays files out as a store and opens it: it must be refused as
// damaged and not be changed, or hold all that was acknowledged.
func refusedOrWhole(t *testing.T, files map[string][]byte, from string, acknowledged int64, harm string) (whole bool) {
	t.Helper()
	dir := lay(t, files, from)
	s, err := openIn(t.Context(), dir)
	if err != nil {
		mustRefuse(t, lay(t, files, from), davit.CodeRefused, "is damaged")
		return false
	}
	steps, err := agree(t.Context(), dir, s)
	if err = errors.Join(err, s.Close()); err != nil || steps < acknowledged {
		t.Errorf("%s: opened with %d steps (%v), though %d were acknowledged", harm, steps, err, acknowledged)
	}
	return true
}

func refused(t *testing.T, err error, code davit.Code, says string) {
	t.Helper()
	e, ok := errors.AsType[*davit.Error](err)
	if !ok || e.Code != code || !strings.Contains(e.Message, says) || e.Hint == "" {
		t.Errorf("got %v, want %s with a hint: %s", err, code, says)
	}
}

// closed returns a directory with a store of some steps that was closed.
func closed(t *testing.T, steps int64) string {
	t.Helper()
	dir := t.TempDir()
	s, err := openIn(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for i := range steps {
		mustCommit(t, s, step(i+1))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestSecondServer(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	mustCommit(t, s, step(1))
	other, err := openIn(t.Context(), dir)
	if err == nil {
		t.Fatal(errors.Join(errors.New("the store was opened twice"), other.Close()))
	}
	refused(t, err, davit.CodeConflict, fmt.Sprintf("is in use by another server (pid %d)", os.Getpid()))
	mustCommit(t, s, step(2))
}

func TestNewerSchema(t *testing.T) {
	dir := closed(t, 2)
	harm(t, dir, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (2000, 1)")
	mustRefuse(t, dir, davit.CodeRefused, "has schema 2000, and this Davit knows schemas up to 6; nothing was changed")
}

// TestSchemaThatTheVersionBeforeCanRead opens a store that a newer Davit has
// migrated, and that says that this one can work with it.
func TestSchemaThatTheVersionBeforeCanRead(t *testing.T) {
	migrations, err := filepath.Glob("migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	known := len(migrations)
	dir := closed(t, 2)
	harm(t, dir, fmt.Sprintf("INSERT INTO goose_db_version (version_id, is_applied) VALUES (%d, 1)", known+1))
	harm(t, dir, fmt.Sprintf("PRAGMA user_version = %d%03d", known+1, known))
	s, err := openIn(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	mustCommit(t, s, step(3))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	harm(t, dir, fmt.Sprintf("PRAGMA user_version = %d%03d", known+1, known+1))
	mustRefuse(t, dir, davit.CodeRefused, fmt.Sprintf("has schema %d, and this Davit knows schemas up to %d; nothing was changed", known+1, known))
}

// TestCheck finds in a store that is in use what opening it would find.
func TestCheck(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "davit.db")
	if err := sqlite.Check(t.Context(), path); err != nil {
		t.Errorf("where no store is: %v", err)
	}
	s := mustOpen(t, dir)
	mustCommit(t, s, step(1))
	if err := sqlite.Check(t.Context(), path); err != nil {
		t.Errorf("a sound store: %v", err)
	}
	harm(t, dir, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (2000, 1)")
	refused(t, sqlite.Check(t.Context(), path), davit.CodeRefused, "has schema 2000")
	mustCommit(t, s, step(2))
}

func harm(t *testing.T, dir, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "davit.db"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), statement)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestForeignFile(t *testing.T) {
	for name, test := range map[string]struct {
		write func(dir string)
		says  string
	}{
		"another program's database": {func(dir string) { harm(t, dir, "CREATE TABLE songs (title TEXT)") }, "is a database of another program"},
		"text": {func(dir string) {
			if err := os.WriteFile(filepath.Join(dir, "davit.db"), bytes.Repeat([]byte("services:\n"), 1000), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "is damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			test.write(dir)
			mustRefuse(t, dir, davit.CodeRefused, test.says)
		})
	}
}

// TestGone refuses to begin anew where a store was.
func TestGone(t *testing.T) {
	dir := closed(t, 3)
	if err := os.Remove(filepath.Join(dir, "davit.db")); err != nil {
		t.Fatal(err)
	}
	mustRefuse(t, dir, davit.CodeRefused, "is gone")
	if _, err := os.Stat(filepath.Join(dir, "davit.db")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after the refusal there is a store: %v", err)
	}
}

// TestOlderCopy refuses a copy from before, and takes it when its operator has
// removed the mark.
func TestOlderCopy(t *testing.T) {
	dir := closed(t, 3)
	older := content(t, dir)
	s, err := openIn(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	mustCommit(t, s, step(4))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	older[".mark"] = content(t, dir)[".mark"]
	copied := lay(t, older, dir)
	mustRefuse(t, copied, davit.CodeRefused, "4 commits were acknowledged and it holds 3")
	if err := os.Remove(filepath.Join(copied, "davit.db.mark")); err != nil {
		t.Fatal(err)
	}
	if steps, err := agree(t.Context(), copied, mustOpen(t, copied)); err != nil || steps != 3 {
		t.Errorf("%d steps (%v), want 3", steps, err)
	}
}

func TestDamagedMark(t *testing.T) {
	for _, mark := range []string{"", "4", strings.Repeat("x", 20), strings.Repeat("\x00", 20)} {
		files := content(t, closed(t, 1))
		files[".mark"] = []byte(mark)
		mustRefuse(t, lay(t, files, closed(t, 0)), davit.CodeRefused, "davit.db.mark is damaged")
	}
}

// TestTruncated cuts a store that was closed at many lengths.
func TestTruncated(t *testing.T) {
	dir := closed(t, 40)
	sound := content(t, dir)
	if len(sound["-wal"]) != 0 {
		t.Fatalf("closing left %d bytes of write-ahead log", len(sound["-wal"]))
	}
	for length := 0; length < len(sound[""]); length += 1 + len(sound[""])/70 {
		for _, cut := range []int{length, length &^ 4095} {
			files := map[string][]byte{"": sound[""][:cut], ".mark": sound[".mark"]}
			mustRefuse(t, lay(t, files, dir), davit.CodeRefused, "is damaged")
		}
	}
}

// TestDamaged overwrites pages, as a failing disk does. Some are free.
func TestDamaged(t *testing.T) {
	dir := closed(t, 40)
	sound := content(t, dir)
	pages, whole := len(sound[""])/4096, 0
	for page := range pages {
		harmed := bytes.Clone(sound[""])
		clear(harmed[page*4096 : (page+1)*4096])
		if refusedOrWhole(t, map[string][]byte{"": harmed, ".mark": sound[".mark"]}, dir, 40, fmt.Sprintf("page %d", page)) {
			whole++
		}
	}
	if whole > pages/4 {
		t.Errorf("of %d pages %d may be lost", pages, whole)
	}
}

// TestDamagedAndLarge is TestDamaged for a store of which the larger part is
// examined while it is in use.
func TestDamagedAndLarge(t *testing.T) {
	dir := closed(t, 40)
	sound := content(t, dir)
	found := 0
	for page := range len(sound[""]) / 4096 {
		harmed := bytes.Clone(sound[""])
		clear(harmed[page*4096 : (page+1)*4096])
		copied := lay(t, map[string][]byte{"": harmed, ".mark": sound[".mark"]}, dir)
		s, err := openLarge(t.Context(), copied)
		if err != nil {
			refused(t, err, davit.CodeRefused, "is damaged")
			continue
		}
		examined := s.Examine(t.Context())
		steps, err := agree(t.Context(), copied, s)
		committed := s.Commit(t.Context(), step(41))
		switch {
		case examined != nil:
			found++
			refused(t, examined, davit.CodeRefused, "is damaged")
			if !errors.Is(committed, examined) {
				t.Errorf("page %d: after %v a commit gave %v", page, examined, committed)
			}
		case err != nil || steps != 40 || committed != nil:
			t.Errorf("page %d: nothing was found, and there are %d steps (%v), a commit gave %v", page, steps, err, committed)
		}
		if err := s.Close(); err != nil {
			t.Errorf("page %d: %v", page, err)
		}
	}
	if found == 0 {
		t.Error("nothing was found while the store was in use")
	}
}

// TestOverwrittenText tears a page in the middle of a long document. What came to
// stand there is no less JSON to SQLite.
func TestOverwrittenText(t *testing.T) {
	dir := closed(t, 24) // the cause of the last step fills two pages
	harmed := content(t, dir)
	store, within := harmed[""], 0
	for at := range len(store) / 4096 {
		if page := store[at*4096 : (at+1)*4096]; bytes.Equal(page[4:], bytes.Repeat([]byte("0"), 4092)) {
			copy(page[2048:], bytes.Repeat([]byte{0xA5}, 2048))
			within++
		}
	}
	if within == 0 {
		t.Fatal("no page lies within a document")
	}
	mustRefuse(t, lay(t, harmed, dir), davit.CodeRefused, "text of rollouts.doc was overwritten")
}

// TestForeignBytesAreStoredAsText commits raw JSON that is not UTF-8, as a client
// may send it. The store must not take it for damage afterwards.
func TestForeignBytesAreStoredAsText(t *testing.T) {
	dir := t.TempDir()
	s, err := openIn(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	foreign := json.RawMessage("{\"path\":\"/\xa5\"}")
	change := step(1)
	change.Rollouts[0].Plan = davit.Plan{Stages: []davit.Stage{{Gates: []davit.Gate{{Params: foreign}}}}}
	change.Events[0].Data = foreign
	change.Audit[0].After = foreign
	mustCommit(t, s, change)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, dir)
	if steps, err := agree(t.Context(), dir, s); steps != 1 || err != nil {
		t.Errorf("%d steps, %v", steps, err)
	}
}

// TestForeignBytesOfFlags is the same for feature flags, whose values are raw JSON.
func TestForeignBytesOfFlags(t *testing.T) {
	dir := t.TempDir()
	s, err := openIn(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	foreign := json.RawMessage("\"\xa5\"")
	record := &davit.FlagRecord{Application: "shop", Revision: 1, Flag: davit.Flag{Key: "f", Variants: []davit.FlagVariant{{Name: "a", Value: foreign}}}}
	entry := davit.AuditEntry{Actor: "anna", Action: "flag.create", Application: "shop", After: foreign}
	if err := s.CommitFlags(t.Context(), davit.FlagCommit{Record: record, Entry: entry}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	flags, err := mustOpen(t, dir).Flags(t.Context())
	if err != nil || len(flags) != 1 || string(flags[0].Flag.Variants[0].Value) != "\"\uFFFD\"" {
		t.Errorf("the flags are %v, %v", flags, err)
	}
}
