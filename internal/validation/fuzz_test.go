package validation

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzJSON reads documents with JSONPaths and schemas, all of them foreign.
func FuzzJSON(f *testing.F) {
	f.Add(`$.status`, `{"status": "ok"}`, `{"type": "object"}`)
	f.Add(`$..a[?(@.b == 1)]`, `{"a": [{"b": 1}]}`, `{"$ref": "#"}`)
	f.Add(`$[1:-1:2]`, `[1, 2.5e3, null]`, `{"items": {"pattern": "("}}`)
	f.Fuzz(func(t *testing.T, path, body, schema string) {
		e := expectation{JSON: map[string]any{path: 1.0}, Schema: json.RawMessage(schema)}
		if e.compile() != nil {
			return
		}
		x := &exam{}
		a := &answer{Response: okResponse(), asked: "GET /", body: []byte(body)}
		e.judge(x, a)
		if len(x.evidence) == 0 {
			t.Error("it was judged without evidence")
		}
	})
}

// FuzzMetrics reads what calls itself metrics.
func FuzzMetrics(f *testing.F) {
	f.Add([]byte("# TYPE a counter\na{b=\"c\"} 1 1700000000000\n"))
	f.Add([]byte("# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n"))
	f.Add([]byte("a{"))
	f.Fuzz(func(t *testing.T, text []byte) {
		names, err := parseMetrics(text)
		if err != nil && names != nil {
			t.Errorf("both metrics and %v", err)
		}
	})
}

// FuzzPostgres reads what a server answers in PostgreSQL's place.
func FuzzPostgres(f *testing.F) {
	f.Add([]byte(asksWhoOneIs))
	f.Add([]byte(startingUp))
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Fuzz(func(t *testing.T, said []byte) {
		kind, payload, err := readPostgres(bytes.NewReader(said))
		if err != nil {
			return
		}
		if len(payload) > len(said) {
			t.Errorf("%d bytes of a message of %d", len(payload), len(said))
		}
		if code, _ := postgresError(payload); kind == 'E' && len(code) > len(payload) {
			t.Errorf("code %q", code)
		}
	})
}

// FuzzClip wants foreign text to become one line that a terminal can be given.
func FuzzClip(f *testing.F) {
	f.Add("\x1b[2J\u202e\xff\n")
	f.Add(strings.Repeat("ä", 400))
	f.Fuzz(func(t *testing.T, s string) {
		got := clip(s)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > 301 || strings.ContainsFunc(got, func(c rune) bool { return c < ' ' || c == 0x7f }) {
			t.Errorf("%q became %q", s, got)
		}
	})
}

// FuzzCapture reads values out of answers.
func FuzzCapture(f *testing.F) {
	f.Add("json:$.id", `{"id": 7}`)
	f.Add("body:id=(\\d+)", "id=7")
	f.Add("cookie:a", "")
	f.Fuzz(func(t *testing.T, source, body string) {
		capture, err := captor(source)
		if err != nil {
			return
		}
		if value, ok := capture(&answer{Response: okResponse(), body: []byte(body)}); !ok && value != "" && value != "null" {
			t.Errorf("%q was not captured, and is there", value)
		}
	})
}

// FuzzParams reads the parameters of every check.
func FuzzParams(f *testing.F) {
	for _, with := range []string{`{"path": "/"}`, `{"requests": [{"path": "/", "schema": {}}]}`, `{"journeys": [{"steps": [{"path": "{{a}}"}]}]}`, `{"addresses": ["a:1"]}`, `[]`, `null`} {
		f.Add([]byte(with))
	}
	checks := Checks()
	f.Fuzz(func(_ *testing.T, with []byte) {
		for _, c := range checks {
			_, _ = c.bind(with) // it may be refused, and must not harm
		}
	})
}
