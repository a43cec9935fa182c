package receipt_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/receipt"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is stale (-update):\n%s", path, diff)
	}
}

// TestGolden makes the same receipt every time.
func TestGolden(t *testing.T) {
	s := statement(t, source(t))
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/statement.json", append(text, '\n'))
	log := newLog(t, 1)
	file := bundleOf(t, s, log)
	golden(t, "testdata/receipt.json", file)
	v, err := receipt.Verify(file, publicOf(t, log))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, v.Statement); diff != "" {
		t.Errorf("what was verified is not what was signed:\n%s", diff)
	}
	if v.Entry != 2 || v.Size != 5 || v.KeyID != log.KeyID() {
		t.Errorf("verified as %+v", v)
	}
}

// TestSchema holds the documented schema against the golden receipt.
func TestSchema(t *testing.T) {
	const path = "../../docs/reference/receipt.schema.json"
	schema, err := jsonschema.NewCompiler().Compile(path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("testdata/statement.json")
	if err != nil {
		t.Fatal(err)
	}
	check := func(change func(statement map[string]any)) error {
		var document map[string]any
		if err := json.Unmarshal(text, &document); err != nil {
			t.Fatal(err)
		}
		change(document)
		return schema.Validate(document)
	}
	if err := check(func(map[string]any) {}); err != nil {
		t.Error(err)
	}
	predicate := func(s map[string]any) map[string]any { return s["predicate"].(map[string]any) }
	for name, change := range map[string]func(map[string]any){
		"another type":     func(s map[string]any) { s["_type"] = "https://in-toto.io/Statement/v0.1" },
		"no subject":       func(s map[string]any) { s["subject"] = []any{} },
		"an unknown field": func(s map[string]any) { predicate(s)["luck"] = true },
		"no outcome":       func(s map[string]any) { delete(predicate(s), "outcome") },
		"an odd outcome":   func(s map[string]any) { predicate(s)["outcome"] = "running" },
		"a negative count": func(s map[string]any) { predicate(s)["witness"].(map[string]any)["failed"] = -1 },
		"a digest that is none": func(s map[string]any) {
			predicate(s)["journal"].(map[string]any)["sha256"] = "abc"
		},
	} {
		if check(change) == nil {
			t.Errorf("the schema takes %s", name)
		}
	}
}

// TestEveryByte flips every bit pattern of one kind in every byte of a receipt:
// none of them verifies, and each is told where it is.
func TestEveryByte(t *testing.T) {
	log := newLog(t, 1)
	key := publicOf(t, log)
	file := bundleOf(t, statement(t, small(t)), log)
	parts := map[receipt.Part]int{}
	for i := range file {
		for _, flip := range []byte{0x01, 0x20, 0x80} {
			bad := slices.Clone(file)
			bad[i] ^= flip
			_, err := receipt.Verify(bad, key)
			f, ok := errors.AsType[*receipt.Fault](err)
			if !ok {
				t.Fatalf("byte %d %q -> %q: %v, want a fault", i, file[i], bad[i], err)
			}
			parts[f.Part]++
			if want := partAt(file, i); want != "" && f.Part != want && f.Part != receipt.PartFile {
				t.Errorf("byte %d of the %s, %q -> %q, is blamed on the %s: %v", i, want, file[i], bad[i], f.Part, f)
			}
		}
	}
	for _, part := range []receipt.Part{receipt.PartFile, receipt.PartPayload, receipt.PartSignature, receipt.PartKey, receipt.PartEntry, receipt.PartProof, receipt.PartCheckpoint} {
		if parts[part] == 0 {
			t.Errorf("nothing was blamed on the %s", part)
		}
	}
	t.Logf("%d bytes: %v", len(file), parts)
	for _, cut := range []int{0, 1, len(file) / 2, len(file) - 1} {
		if _, err := receipt.Verify(file[:cut], key); err == nil {
			t.Errorf("the first %d bytes are taken for a receipt", cut)
		}
	}
	if _, err := receipt.Verify(append(slices.Clone(file), ' '), key); err == nil {
		t.Error("a receipt with something after it is taken for one")
	}
}

// partAt returns the part that a byte of a file's values belongs to, "" where it
// is none of those that can be told for sure.
func partAt(file []byte, i int) receipt.Part {
	for key, part := range map[string]receipt.Part{
		`"payload": "`: receipt.PartPayload, `"sig": "`: receipt.PartSignature, `"keyid": "`: receipt.PartKey, `"checkpoint": "`: receipt.PartCheckpoint,
	} {
		from := strings.Index(string(file), key) + len(key)
		to := from + strings.IndexByte(string(file[from:]), '"')
		if i >= from && i < to {
			return part
		}
	}
	return ""
}

// small is a source with little in it.
func small(t testing.TB) receipt.Source {
	s := source(t)
	s.Events = s.Events[:3]
	s.Rollout.Plan.Stages, s.Rollout.Plan.Origin = nil, davit.State{}
	s.Stable = nil
	return s
}

// TestChangedFieldIsNamed changes one field after the other, as somebody who has
// an editor and no key would.
func TestChangedFieldIsNamed(t *testing.T) {
	log := newLog(t, 1)
	file := bundleOf(t, statement(t, source(t)), log)
	for old, c := range map[string]struct{ with, field string }{
		`"failed":2`:                       {`"failed":0`, "predicate.witness"},
		`"outcome":"rolled back","reason"`: {`"outcome":"promoted","reason"`, "predicate.outcome"},
		`"outcome":"fail"`:                 {`"outcome":"pass"`, "predicate.stages"},
		`(anna)`:                           {`(bert)`, "predicate.requested"},
		`(root)`:                           {`(mona)`, "predicate.commands"},
		strings.Repeat("2", 64):            {strings.Repeat("3", 64), "subject"},
		`"events":15`:                      {`"events":14`, "predicate.journal"},
	} {
		bad := withPayload(t, file, func(payload string) string {
			if !strings.Contains(payload, old) {
				t.Fatalf("the receipt has no %s: %s", old, payload)
			}
			return strings.Replace(payload, old, c.with, 1)
		})
		_, err := receipt.Verify(bad, publicOf(t, log))
		f, ok := errors.AsType[*receipt.Fault](err)
		if !ok || f.Part != receipt.PartPayload || !slices.Equal(f.Fields, []string{c.field}) {
			t.Errorf("%s -> %s: %v, want %s named", old, c.with, err, c.field)
		}
	}
}

func withPayload(t testing.TB, file []byte, change func(string) string) []byte {
	t.Helper()
	var b receipt.Bundle
	if err := json.Unmarshal(file, &b); err != nil {
		t.Fatal(err)
	}
	payload, err := base64.StdEncoding.DecodeString(b.Envelope.Payload)
	if err != nil {
		t.Fatal(err)
	}
	changed := base64.StdEncoding.EncodeToString([]byte(change(string(payload))))
	return []byte(strings.Replace(string(file), b.Envelope.Payload, changed, 1))
}

// TestAnotherKey: who signs a receipt of their own is not the server.
func TestAnotherKey(t *testing.T) {
	ours, theirs := newLog(t, 1), newLog(t, 2)
	s := statement(t, source(t))
	_, err := receipt.Verify(bundleOf(t, s, theirs), publicOf(t, ours))
	if f, ok := errors.AsType[*receipt.Fault](err); !ok || f.Part != receipt.PartKey {
		t.Errorf("%v, want the key to be wrong", err)
	}
	// Nor does it help to call the key by the other's name.
	forged := strings.ReplaceAll(string(bundleOf(t, s, theirs)), theirs.KeyID(), ours.KeyID())
	if _, err := receipt.Verify([]byte(forged), publicOf(t, ours)); err == nil {
		t.Error("a forged receipt verifies")
	}
}

// Two receipts of the same server: parts of one do not pass for parts of the other.
func TestPartsOfTwoReceipts(t *testing.T) {
	log := newLog(t, 1)
	other := source(t)
	other.Rollout.Measured = nil
	a, b := bundleOf(t, statement(t, source(t)), log), bundleOf(t, statement(t, other), log)
	var first, second receipt.Bundle
	for file, into := range map[*[]byte]*receipt.Bundle{&a: &first, &b: &second} {
		if err := json.Unmarshal(*file, into); err != nil {
			t.Fatal(err)
		}
	}
	first.Log = second.Log
	mixed, err := json.MarshalIndent(first, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	_, err = receipt.Verify(append(mixed, '\n'), publicOf(t, log))
	if f, ok := errors.AsType[*receipt.Fault](err); !ok || f.Part != receipt.PartEntry {
		t.Errorf("%v, want the entry to be of another receipt", err)
	}
}

func TestStatementRefusesAnOpenRollout(t *testing.T) {
	s := source(t)
	s.Rollout.Phase = davit.Running
	if _, err := receipt.NewStatement(s); err == nil {
		t.Error("a rollout that goes on got a receipt")
	}
}

// TestLittleToTell makes receipts of rollouts that have next to nothing.
func TestLittleToTell(t *testing.T) {
	log := newLog(t, 1)
	for name, change := range map[string]func(*receipt.Source){
		"dropped from the queue":  func(s *receipt.Source) { s.Events, s.Rollout.Measured = nil, nil },
		"to nothing":              func(s *receipt.Source) { s.Target = nil },
		"from nothing to nothing": func(s *receipt.Source) { s.Target, s.Stable = nil, nil },
		"no artifacts":            func(s *receipt.Source) { s.Target.Artifacts = nil },
		"a clock that went back": func(s *receipt.Source) {
			for i := range s.Events {
				s.Events[i].At = at(-float64(i))
			}
			s.Rollout.EndedAt = at(-1000)
		},
		"a gate that wavers": func(s *receipt.Source) {
			for i := range 1000 {
				v, err := json.Marshal(davit.Verdict{Gate: "errors", Outcome: davit.Pass, Reason: fmt.Sprint("time ", i)})
				if err != nil {
					t.Fatal(err)
				}
				s.Events = append(s.Events, davit.Event{Kind: davit.EventVerdict, Data: v, At: at(40)})
			}
		},
		"many incidents": func(s *receipt.Source) {
			for i := range 500 {
				s.Events = append(s.Events, davit.Event{Kind: davit.EventTrouble, Message: fmt.Sprint("trouble ", i), At: at(40)})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := source(t)
			change(&s)
			made := statement(t, s)
			v, err := receipt.Verify(bundleOf(t, made, log), publicOf(t, log))
			if err != nil {
				t.Fatal(err)
			}
			for _, stage := range made.Predicate.Stages {
				if n := len(stage.Verdicts); n > 200 || stage.Omitted > 0 && stage.Verdicts[n-1].Reason != "time 999" {
					t.Errorf("%d verdicts and %d that were omitted", n, stage.Omitted)
				}
			}
			if len(v.Statement.Subject) == 0 || len(made.Predicate.Incidents) > 50 {
				t.Errorf("%d subjects, %d incidents", len(v.Statement.Subject), len(made.Predicate.Incidents))
			}
		})
	}
}

// FuzzVerify looks for a file that panics, or that verifies and is not the one.
func FuzzVerify(f *testing.F) {
	log := newLog(f, 1)
	key := publicOf(f, log)
	file := bundleOf(f, statement(f, small(f)), log)
	f.Add(file)
	f.Add([]byte("{}"))
	f.Add([]byte(`{"mediaType":"","dsseEnvelope":{"signatures":[{}]},"log":{"index":-1}}`))
	f.Fuzz(func(t *testing.T, changed []byte) {
		if _, err := receipt.Verify(changed, key); err == nil && string(changed) != string(file) {
			t.Errorf("%q verifies", changed)
		}
	})
}
