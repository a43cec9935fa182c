package proxy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/davit-dev/davit"
)

func testTable(number int64) *Table {
	site := twoReleases(50, "127.0.0.1:1001", "127.0.0.1:1002")
	return &Table{Number: number, Key: testKey, Sites: []Site{site}}
}

func TestTableCheck(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Table)
		says   string
	}{
		{"number", func(t *Table) { t.Number = 0 }, "numbers start at 1"},
		{"key", func(t *Table) { t.Key = nil }, "key"},
		{"site twice", func(t *Table) { t.Sites = append(t.Sites, t.Sites[0]) }, "twice"},
		{"split", func(t *Table) { t.Sites[0].Split["v1"] = 1 }, "sum to"},
		{"split of a stranger", func(t *Table) { t.Sites[0].Split = davit.All("v3") }, "neither stable"},
		{"unknown release", func(t *Table) { t.Sites[0].Candidate, t.Sites[0].Split = "v3", davit.All("v1") }, "not among"},
		{"route", func(t *Table) { t.Sites[0].Releases["v1"].Routes[0].Service = "x" }, "not there"},
		{"prefix", func(t *Table) { t.Sites[0].Releases["v1"].Routes[0].Prefix = "x" }, "start with /"},
		{"address", func(t *Table) { t.Sites[0].Releases["v1"].Services["web"].Backends[0].Address = "x" }, "host:port"},
		{"protocol", func(t *Table) { t.Sites[0].Releases["v1"].Services["web"] = Service{Protocol: "smtp"} }, "unknown protocol"},
		{"lease", func(t *Table) {
			t.Sites[0].Lease = &Lease{Lease: davit.Lease{For: 1, To: "v3"}}
		}, "one of the releases"},
		{"lease without a time", func(t *Table) { t.Sites[0].Lease = &Lease{Lease: davit.Lease{To: "v1"}} }, "want a time"},
		{"listener", func(t *Table) { t.Sites[0].Front.Listen[0].Address = "x" }, "listener"},
		{"certificate without key", func(t *Table) { t.Sites[0].Front.Listen[0].Cert = "x" }, "come together"},
		{"preview", func(t *Table) { t.Sites[0].Front.Preview.Allow = []string{"x"} }, "preview"},
		{"trusted", func(t *Table) { t.Sites[0].Front.TrustedProxies = []string{"10.0.0.0/99"} }, "trusted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := testTable(1)
			if err := table.Check(); err != nil {
				t.Fatalf("before: %v", err)
			}
			c.change(table)
			if err := table.Check(); davit.ErrorCode(err) != davit.CodeInvalid || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want it to say %q", err, c.says)
			}
		})
	}
}

func FuzzDecodeTable(f *testing.F) {
	good, err := json.Marshal(testTable(1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{}`))
	f.Add(good[:len(good)/2])
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := DecodeTable(data)
		if err != nil {
			return
		}
		// What passes the check compiles, or says why not.
		g := newRegistry(nil)
		defer g.close()
		if _, err := compile(table, g); err != nil && davit.ErrorCode(err) != davit.CodeInvalid {
			t.Fatalf("compiling: %v", err)
		}
	})
}

func TestKeptTableSurvivesTruncationAnywhere(t *testing.T) {
	dir := t.TempDir()
	for n := int64(1); n <= 2; n++ {
		if err := keepTable(dir, testTable(n)); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, tableFile)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, at int, data []byte) {
		t.Helper()
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		table, warning, err := loadTable(dir)
		if err != nil || table == nil || table.Number != 1 || warning == nil {
			t.Fatalf("%s at %d of %d: table %v, warning %v, %v", what, at, len(whole), table, warning, err)
		}
	}
	for at := range whole {
		check("cut", at, whole[:at])
		if at > bytes.Index(whole, []byte(`"table":`))+len(`"table":`) {
			damaged := bytes.Clone(whole)
			damaged[at] ^= 0x20 // may leave it JSON
			check("damaged", at, damaged)
		}
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	table, warning, err := loadTable(dir)
	if err != nil || warning != nil || !reflect.DeepEqual(table, testTable(2)) {
		t.Errorf("whole again: %v, %v, %v", table, warning, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the table holds a key, its mode is %v", info.Mode())
	}
}

func TestDamagedTableDoesNotReplaceTheGoodPrevious(t *testing.T) {
	dir := t.TempDir()
	for n := int64(1); n <= 2; n++ {
		if err := keepTable(dir, testTable(n)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{tableFile, previousFile} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("damaged"), 0o600); err != nil {
			t.Fatal(err)
		}
		if name == tableFile {
			if err := keepTable(dir, testTable(3)); err != nil {
				t.Fatal(err)
			}
			if previous, err := readTable(filepath.Join(dir, previousFile)); err != nil || previous.Number != 1 {
				t.Errorf("previous is %v, %v; want table 1", previous, err)
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte("damaged"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, _, err := loadTable(dir); davit.ErrorCode(err) != davit.CodeUnavailable || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("both damaged: %v", err)
	}
}

func TestOlderTableIsRefused(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	site := twoReleases(0, "127.0.0.1:1001", "127.0.0.1:1002")
	at := func(number int64, share int) *Table {
		s := site.clone()
		s.Split = twoReleases(share, "127.0.0.1:1", "127.0.0.1:1").Split
		return &Table{Number: number, Key: testKey, Sites: []Site{s}}
	}
	if err := r.Apply(ctx, at(5, 100)); err != nil {
		t.Fatal(err)
	}
	if err := r.Apply(ctx, at(5, 100)); err != nil {
		t.Errorf("the same table again: %v", err)
	}
	for _, stale := range []*Table{at(5, 200), at(4, 100), at(1, 0)} {
		if err := r.Apply(ctx, stale); !errors.Is(err, ErrStale) || davit.ErrorCode(err) != davit.CodeConflict {
			t.Errorf("table %d after 5: %v", stale.Number, err)
		}
	}
	if got := r.Table(); got.Number != 5 || got.Sites[0].Split["v2"] != 100 {
		t.Errorf("in effect is %d with %v", got.Number, got.Sites[0].Split)
	}
}

func TestTableThatCannotListenChangesNothing(t *testing.T) {
	r := newRig(t)
	backend := backendServer(t, says("ok"))
	r.put(oneRelease("", backend))
	taken := r.Addresses()[anyPort]
	site := oneRelease("", backend)
	site.Front.Listen = append(site.Front.Listen, davit.Listener{Address: "127.0.0.1:" + strings.Split(backend, ":")[1]})
	err := r.Apply(context.Background(), &Table{Number: 2, Key: testKey, Sites: []Site{site}})
	if davit.ErrorCode(err) != davit.CodeUnavailable {
		t.Errorf("a listener that is taken: %v", err)
	}
	if r.Table().Number != 1 || r.Addresses()[anyPort] != taken || len(r.Addresses()) != 1 {
		t.Errorf("table %d, listeners %v", r.Table().Number, r.Addresses())
	}
}

func TestUnkeptTableIsInEffectAndSaidSo(t *testing.T) {
	r := newRig(t)
	r.put(oneRelease("", backendServer(t, says("old"))))
	// A folder in the place of the file makes writing fail for root too.
	for _, name := range []string{tableFile, previousFile} {
		_ = os.Remove(filepath.Join(r.dir, name))
		if err := os.MkdirAll(filepath.Join(r.dir, name, "x"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	r.put(oneRelease("", backendServer(t, says("new"))))
	if got := r.ask("192.0.2.1:1", "/").Body.String(); got != "new" {
		t.Errorf("got %q", got)
	}
	if s := r.status(identity{}); s.Unkept == "" || !strings.Contains(r.stderr.String(), "could not be kept") {
		t.Errorf("nothing says that the table is not kept: %+v", s)
	}
}

func TestCountersOfReleasesThatLeftAreDropped(t *testing.T) {
	r := newRig(t)
	backend := backendServer(t, says("ok"))
	r.put(twoReleases(500, backend, backend))
	for range 10 {
		r.ask("192.0.2.1:1", "/")
	}
	site := oneRelease("", backend)
	r.put(site)
	if r.traffic("v2").Requests == 0 {
		t.Error("the last look at a release that left is not possible")
	}
	r.put(site)
	if _, kept := r.Figures().Sites["shop/test"]["v2"]; kept {
		t.Error("its counters are kept for ever")
	}
	if r.traffic("v1").Requests == 0 {
		t.Error("the counters of a release that stays are gone")
	}
}
