package validation

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/davit-dev/davit"
)

// sample has a result of every kind, with text that has to be escaped.
func sample() *Report {
	at := []Evidence{{Asked: "GET http://shop.test/", Came: "500: <oops> & | 100%", Expected: "status 200"}, {Asked: "GET /", Came: "fine", Expected: "fine", Held: true}}
	r := &Report{
		Target: "http://shop.test", Version: "v2", At: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), Took: ms(1234),
		Results: []Result{
			{ID: "health.liveness", Category: Health, Severity: davit.Required, Outcome: Passed, Reason: "200 OK: alive", Proves: "it lives", Evidence: at[1:], Tries: 1, Took: ms(2)},
			{ID: "functional.requests", Category: Functional, Severity: davit.Required, Outcome: Failed, Reason: "GET http://shop.test/: 500: <oops> & | 100%", Proves: "pages are answered", Hint: "look at the log: it says, why", Evidence: at, Tries: 2, Took: ms(103)},
			{ID: "functional.cors", Category: Functional, Severity: davit.Required, Outcome: Inconclusive, Reason: "davit's own front door does not answer", Proves: "strangers read nothing", Tries: 2, Took: ms(1)},
			{ID: "security.frames", Category: Security, Severity: davit.Advisory, Outcome: Failed, Reason: "no X-Frame-Options", Proves: "nobody frames it", Hint: "send it", Evidence: at[:1], Tries: 2, Took: ms(4)},
			{ID: "security.hsts", Category: Security, Severity: davit.Advisory, Outcome: Skipped, Reason: "http://shop.test is plain HTTP", Proves: "HTTPS alone", Tries: 1},
		},
	}
	r.count()
	return r
}

func golden(t *testing.T, name string, write func(io.Writer) error) {
	t.Helper()
	var got bytes.Buffer
	if err := write(&got); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := errors.Join(os.MkdirAll("testdata", 0o750), os.WriteFile(path, got.Bytes(), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s (-update writes it anew):\n%s", name, diff)
	}
}

func TestReports(t *testing.T) {
	r := sample()
	golden(t, "report.txt", func(w io.Writer) error { return r.WriteText(w, false) })
	golden(t, "report-evidence.txt", func(w io.Writer) error { return r.WriteText(w, true) })
	golden(t, "junit.xml", r.WriteJUnit)
	golden(t, "annotations.txt", r.WriteAnnotations)
	golden(t, "summary.md", r.WriteMarkdown)
	golden(t, "report.json", func(w io.Writer) error {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	})
}

// TestJUnitIsOfItsForm reads the report with the elements and attributes that
// the schema of Jenkins' xUnit plugin (junit-10.xsd) has, and counts anew.
func TestJUnitIsOfItsForm(t *testing.T) {
	var text bytes.Buffer
	if err := sample().WriteJUnit(&text); err != nil {
		t.Fatal(err)
	}
	known := map[string]string{ // element: its attributes
		"testsuites": "name time tests failures errors", "testsuite": "name tests failures errors skipped time timestamp",
		"testcase": "name classname time", "skipped": "message", "error": "message type", "failure": "message type", "system-out": "",
	}
	count := map[string]int{}
	decoder := xml.NewDecoder(&text)
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		count[e.Name.Local]++
		attributes, ok := known[e.Name.Local]
		if !ok {
			t.Errorf("there is no element %s", e.Name.Local)
		}
		for _, a := range e.Attr {
			if !strings.Contains(" "+attributes+" ", " "+a.Name.Local+" ") {
				t.Errorf("%s has no attribute %s", e.Name.Local, a.Name.Local)
			}
		}
	}
	want := map[string]int{"testsuites": 1, "testsuite": 3, "testcase": 5, "failure": 1, "error": 1, "skipped": 1, "system-out": 2}
	if diff := cmp.Diff(want, count); diff != "" {
		t.Error(diff)
	}
}

func TestListHasWhatAReaderNeeds(t *testing.T) {
	text, err := json.Marshal(List())
	if err != nil || !bytes.Contains(text, []byte(`"id":"health.readiness","category":"health","severity":"required"`)) {
		t.Errorf("%s, %v", text, err)
	}
	if n := len(List().Checks); n < 40 {
		t.Errorf("%d checks", n)
	}
}

func okResponse() *http.Response {
	return &http.Response{Status: "200 OK", StatusCode: http.StatusOK, Header: http.Header{}}
}
