package client

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/davit-dev/davit"
)

func TestNewRefusesAddresses(t *testing.T) {
	for _, address := range []string{"", "unix:", "davit.sock", "ftp://host", "http://example.org", "https://user:secret@host", "https://", ":x"} {
		_, err := New(address, "t")
		if davit.ErrorCode(err) != davit.CodeInvalid || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", address, err)
		}
	}
	for _, address := range []string{"unix:/a b", "https://host", "http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1/"} {
		if _, err := New(address, "t"); err != nil {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestAnswersThatAreNotDavits(t *testing.T) {
	for name, test := range map[string]struct {
		handle http.HandlerFunc
		code   davit.Code
	}{
		"gateway": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", http.StatusBadGateway) }, davit.CodeUnavailable},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.example", http.StatusFound)
		}, davit.CodeInternal},
		"no JSON": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }, davit.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(test.handle)
			defer s.Close()
			c, err := New(s.URL, "t")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Version(t.Context()); davit.ErrorCode(err) != test.code {
				t.Errorf("error %v, want one of %s", err, test.code)
			}
		})
	}
}

func TestSSE(t *testing.T) {
	const text = ": hello\n\nid: 7\nevent: journal\ndata: {\"a\":\ndata:1}\n\nretry: 5\n\nevent: status\r\ndata: x\r\n\r\nid: 8\ndata: cut"
	want := []message{{name: "journal", id: "7", data: "{\"a\":\n1}"}, {name: "status", data: "x"}}
	r := newSSEReader(iotest.OneByteReader(strings.NewReader(text)))
	for _, w := range want {
		got, err := r.next()
		if diff := cmp.Diff(w, got, cmp.AllowUnexported(message{})); diff != "" || err != nil {
			t.Error(diff, err)
		}
	}
	if _, err := r.next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an event that is cut gives %v", err)
	}
}

// FuzzSSE looks for a stream that panics or does not end, and for events that
// depend on how the stream was cut into reads.
func FuzzSSE(f *testing.F) {
	f.Add([]byte("id: 1\nevent: journal\ndata: {}\n\n"))
	f.Add([]byte("data\n\n: x\r\n\r\nid:-1\ndata: \n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		whole, pieces := read(newSSEReader(bytes.NewReader(text))), read(newSSEReader(iotest.OneByteReader(bytes.NewReader(text))))
		if diff := cmp.Diff(whole, pieces, cmp.AllowUnexported(message{})); diff != "" {
			t.Error(diff)
		}
		for _, m := range whole {
			if n, err := m.number(); err == nil && n < 0 {
				t.Errorf("event %d", n)
			}
			s := &stream{client: &Client{}, yield: func(StreamEvent, error) bool { return true }}
			_, _ = s.deliver(m) // must not panic
		}
	})
}

func read(r *sseReader) (all []message) {
	for {
		m, err := r.next()
		if err != nil {
			return all
		}
		all = append(all, m)
	}
}

// FuzzLogLine looks for a line of a log stream that panics.
func FuzzLogLine(f *testing.F) {
	f.Add([]byte(`{"service":"web","text":"x"}`))
	f.Add([]byte(`{"error":{"status":404,"detail":"x","code":"not_found"}}`))
	f.Fuzz(func(_ *testing.T, text []byte) { _, _ = decodeLogLine(text) })
}
