package ofrep_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// discard is an answer that nobody reads.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

// BenchmarkSingle measures the handler alone.
func BenchmarkSingle(b *testing.B) {
	w := newWorld(b)
	w.set(b, "half", env("turnOn"), split(50))
	const text = `{"context":{"targetingKey":"user-4711","plan":"pro","country":"DE"}}`
	req := httptest.NewRequest(http.MethodPost, flags+"/half", nil)
	req.Header.Set("Authorization", "Bearer "+w.texts["server"])
	req.ContentLength = int64(len(text))
	out := &discard{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		req.Body = io.NopCloser(strings.NewReader(text))
		w.handler.ServeHTTP(out, req)
	}
}
