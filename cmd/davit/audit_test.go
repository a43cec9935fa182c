package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/audit"
	"github.com/davit-dev/davit/internal/sqlite"
	"github.com/google/go-cmp/cmp"
)

var updateAudit = flag.Bool("update-audit", false, "write the golden files of the audit commands anew")

// auditedStore is a real store with its log, asked without a server between.
type auditedStore struct {
	*sqlite.Store
	log *audit.Log
}

func (s auditedStore) AuditExport(ctx context.Context, w io.Writer) error {
	return s.log.Export(ctx, s.Store, w)
}

// newAuditedStore returns a store with three entries, and its public key file.
func newAuditedStore(t *testing.T) (s auditedStore, public string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit")
	key, err := audit.LoadOrCreateKey(path, "shop.example.org/davit")
	if err != nil {
		t.Fatal(err)
	}
	s.log = audit.New(key)
	s.Store, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "davit.db"), sqlite.Options{Audit: s.log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	s.add(t, davit.AuditEntry{At: at, Actor: "uid 1000 (anna)", Action: "rollout.create", Application: "shop", Environment: "staging",
		Rollout: "r1", Release: "v2-1f0c9a3be4d1", Reason: "new basket"},
		davit.AuditEntry{At: at.Add(time.Second), Actor: "davit", Action: "rollout.stage", Application: "shop", Environment: "staging",
			Rollout: "r1", Release: "v2-1f0c9a3be4d1", Before: []byte(`{"split":{"v1":1000}}`), After: []byte(`{"split":{"v1":950,"v2":50}}`)})
	s.add(t, davit.AuditEntry{At: at.Add(time.Minute), Actor: "token ci", Action: "rollout.create", Application: "blog", Environment: "production",
		Rollout: "r2", Reason: "turns the\x1b[2J screen blank"})
	return s, path + ".pub"
}

func (s auditedStore) add(t *testing.T, entries ...davit.AuditEntry) {
	t.Helper()
	if err := s.Commit(t.Context(), &davit.Change{Audit: entries}); err != nil {
		t.Fatal(err)
	}
}

// runAudit runs "davit audit" with arguments.
func runAudit(t *testing.T, api auditAPI, output string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	command := newAuditCommand(func(context.Context) (auditAPI, error) {
		if api == nil {
			return nil, errors.New("no server is running")
		}
		return api, nil
	}, &output)
	command.SilenceErrors, command.SilenceUsage = true, true
	command.SetArgs(args)
	command.SetOut(&out)
	command.SetErr(&out)
	err := command.ExecuteContext(t.Context())
	return out.String(), err
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "audit", name)
	if *updateAudit {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestAuditOutput(t *testing.T) {
	s, _ := newAuditedStore(t)
	for name, args := range map[string][]string{
		"list":        {"list"},
		"list-shop":   {"list", "--application", "shop", "--environment", "staging"},
		"list-page":   {"list", "--from", "1", "--limit", "1"},
		"list-none":   {"list", "--rollout", "r9"},
		"show":        {"show", "1"},
		"show-escape": {"show", "2"},
	} {
		for _, output := range []string{"text", "json"} {
			t.Run(name+"."+output, func(t *testing.T) {
				got, err := runAudit(t, s, output, args...)
				if err != nil {
					t.Fatal(err)
				}
				golden(t, name+"."+output, got)
			})
		}
	}
	for number, code := range map[string]davit.Code{"3": davit.CodeNotFound, "one": davit.CodeInvalid, "-1": davit.CodeInvalid} {
		if _, err := runAudit(t, s, "text", "show", "--", number); davit.ErrorCode(err) != code {
			t.Errorf("show %s: %v, want %s", number, err, code)
		}
	}
}

func TestAuditListPages(t *testing.T) {
	s, _ := newAuditedStore(t)
	s.add(t, make([]davit.AuditEntry, 2*auditPage)...)
	got, err := runAudit(t, s, "json", "list")
	if lines := strings.Count(got, "\n"); err != nil || lines != 2*auditPage+3 {
		t.Errorf("%d lines (%v), want every entry", lines, err)
	}
	got, err = runAudit(t, s, "json", "list", "--limit", fmt.Sprint(auditPage+1))
	if lines := strings.Count(got, "\n"); err != nil || lines != auditPage+1 {
		t.Errorf("%d lines (%v), want %d", lines, err, auditPage+1)
	}
}

// TestAuditVerify exports, and verifies what it got with no server at hand.
func TestAuditVerify(t *testing.T) {
	s, public := newAuditedStore(t)
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, content string) string {
		t.Helper()
		if err := os.WriteFile(file(name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return file(name)
	}
	early, err := runAudit(t, s, "text", "export")
	if err != nil {
		t.Fatal(err)
	}
	s.add(t, make([]davit.AuditEntry, 2)...)
	if _, err := runAudit(t, s, "text", "export", file("export.ndjson")); err != nil {
		t.Fatal(err)
	}
	checkpoint, err := runAudit(t, s, "text", "checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	late := write("checkpoint", checkpoint)
	content, err := os.ReadFile(file("export.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		says []string // in the output or the error
		code davit.Code
	}{
		"sound":       {[]string{file("export.ndjson"), "--key", public, "--since", late}, []string{"is sound: 5 entries of shop.example.org/davit", "it contains all"}, ""},
		"changed":     {[]string{write("changed", strings.Replace(string(content), "anna", "otto", 1)), "--key", public}, []string{"line 2: entry 0 was changed"}, davit.CodeRefused},
		"rolled back": {[]string{write("early", early), "--key", public, "--since", late}, []string{"rolled back", "entry 3 is the first that is gone"}, davit.CodeRefused},
		"no key":      {[]string{file("export.ndjson"), "--key", file("missing")}, []string{"public audit key cannot be read"}, davit.CodeInvalid},
		"no export":   {[]string{file("missing"), "--key", public}, []string{"export cannot be read"}, davit.CodeInvalid},
		"no older":    {[]string{file("export.ndjson"), "--key", public, "--since", file("missing")}, []string{"older checkpoint cannot be read"}, davit.CodeInvalid},
		"wrong older": {[]string{file("export.ndjson"), "--key", public, "--since", public}, []string{"older checkpoint 1"}, davit.CodeInvalid},
	} {
		for _, output := range []string{"text", "json"} {
			t.Run(name+"."+output, func(t *testing.T) {
				got, err := runAudit(t, nil, output, append([]string{"verify"}, test.args...)...)
				if davit.ErrorCode(err) != test.code {
					t.Fatalf("got %v, want %q", err, test.code)
				}
				if err != nil {
					got += err.Error()
				}
				if output == "json" && test.code != davit.CodeInvalid {
					if want := fmt.Sprintf(`{"sound":%t,`, err == nil); !strings.HasPrefix(got, want) {
						t.Errorf("got %s, want it to begin with %s", got, want)
					}
				}
				for _, want := range test.says {
					if (output == "text" || err != nil) && !strings.Contains(got, want) {
						t.Errorf("got %q, want it to say %q", got, want)
					}
				}
			})
		}
	}
}

// brokenExport loses the server in the midst of an export.
type brokenExport struct{ auditAPI }

func (brokenExport) AuditExport(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, "{")
	return errors.Join(err, io.ErrUnexpectedEOF)
}

// TestAuditExportFails leaves the file of an earlier export as it was.
func TestAuditExportFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "export.ndjson")
	if err := os.WriteFile(path, []byte("an earlier one"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, _ := newAuditedStore(t)
	if _, err := runAudit(t, brokenExport{s}, "text", "export", path); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, want that the server went away", err)
	}
	content, err := os.ReadFile(path)
	if err != nil || string(content) != "an earlier one" {
		t.Errorf("the file holds %q (%v)", content, err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("the directory holds %v (%v), want the file alone", files, err)
	}
}
