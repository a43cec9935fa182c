// Package ofrep answers the OpenFeature Remote Evaluation Protocol, version 0.3:
// https://github.com/open-feature/protocol. Single and bulk evaluation, and a
// stream that tells of changes.
package ofrep

import (
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag"
	"github.com/davit-dev/davit/internal/flag/book"
)

// Prefix is what the paths of the protocol begin with.
const Prefix = "/ofrep/"

// EventsPath is where changes are told.
const EventsPath = "/ofrep/v1/events"

const flagsPath = "/ofrep/v1/evaluate/flags"

// MaxBodyBytes bounds the body of a request.
const MaxBodyBytes = 64 << 10

// bodyTimeout is how long a client may take for a body.
const bodyTimeout = 30 * time.Second

// Book is where flags and access keys are read: a *book.Book or a *book.Copy.
type Book interface {
	Grant(key string) *book.Grant
	View(application, environment string) *book.View
	Replaced() <-chan struct{}
	Now() time.Time
}

var _, _ Book = (*book.Book)(nil), (*book.Copy)(nil)

// Handler answers the protocol from the flags of a book.
type Handler struct {
	book    Book
	metrics *metrics
	open    atomic.Int64 // streams
	// MaxStreams is how many streams are open at once; DefaultStreams when it is 0.
	MaxStreams int64
	// Used, unless it is nil, is told when a flag was evaluated; with AllFlags or
	// ClientFlags for a key, that those were given out to who does not tell which it
	// uses.
	Used func(application, environment, key string, now time.Time)
	// Seen, unless it is nil, is told whom flags were evaluated for: the targeting
	// key and the JSON of the context, if there are any. The JSON is not to be kept.
	Seen func(application, environment, key string, context []byte, now time.Time)
	// Blind, unless it is nil, reports whether there may be access keys that the book
	// has not heard of: then an unknown one is no reason to give up.
	Blind func() bool
	// Outcomes takes in how requests went that variants of a flag were served in. It
	// is nil where nobody asks for that.
	Outcomes func(application, environment, key string, tallies []davit.FlagTally) error
}

// DefaultStreams is more than the connections that most systems allow a process
// without being told to.
const DefaultStreams = 20_000

// What stands for a key when flags are given out together: all, or those that client
// keys see. No flag has such a key.
const (
	AllFlags    = ""
	ClientFlags = "*"
)

// seen notes whom a grant was used for.
func (h *Handler) seen(grant *book.Grant, c *flag.Context, context []byte, now time.Time) {
	if h.Seen != nil {
		h.Seen(grant.Application, grant.Environment, c.TargetingKey(), context, now)
	}
}

// used notes what a grant was used for.
func (h *Handler) used(grant *book.Grant, key string, now time.Time) {
	if h.Used != nil {
		h.Used(grant.Application, grant.Environment, key, now)
	}
}

// New returns a handler. It is a prometheus.Collector too.
func New(b Book) *Handler { return &Handler{book: b, metrics: newMetrics()} }

var _ prometheus.Collector = (*Handler)(nil)

// Describe tells which metrics there are.
func (h *Handler) Describe(c chan<- *prometheus.Desc) { h.metrics.evaluations.Describe(c) }

// Collect tells the metrics.
func (h *Handler) Collect(c chan<- prometheus.Metric) { h.metrics.evaluations.Collect(c) }

// ServeHTTP answers a request whose path begins with Prefix.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header["Origin"] != nil {
		allowOrigin(w.Header())
	}
	path := r.URL.Path
	key, single := strings.CutPrefix(path, flagsPath+"/")
	switch {
	case single && key != "":
		if h.method(w, r, http.MethodPost) {
			h.single(w, r, key)
		}
	case path == flagsPath:
		if h.method(w, r, http.MethodPost) {
			h.bulk(w, r)
		}
	case path == EventsPath:
		if h.method(w, r, http.MethodGet) {
			h.events(w, r)
		}
	case path == SnapshotPath:
		if h.method(w, r, http.MethodGet) {
			h.snapshot(w, r)
		}
	case path == UsagePath:
		if h.method(w, r, http.MethodPost) {
			h.usage(w, r)
		}
	case path == OutcomesPath:
		if h.method(w, r, http.MethodPost) {
			h.outcomes(w, r)
		}
	default:
		fail(w, http.StatusNotFound, "the protocol has no "+path)
	}
}

// method reports whether a request is of the only method that its path takes, and
// answers it when it is not.
func (h *Handler) method(w http.ResponseWriter, r *http.Request, only string) bool {
	if r.Method == only {
		return true
	}
	allowed := only + ", " + http.MethodOptions
	w.Header().Set("Allow", allowed)
	if r.Method == http.MethodOptions {
		w.Header().Set("Access-Control-Allow-Methods", allowed)
		w.Header().Set("Access-Control-Allow-Headers", "Authorization, X-API-Key, Content-Type, If-None-Match, Last-Event-ID")
		w.Header().Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
		return false
	}
	fail(w, http.StatusMethodNotAllowed, r.URL.Path+" takes "+only)
	return false
}

// allowOrigin lets pages of any site read the answer. Who may ask is told by a key,
// never by cookies, so that a page can do no more than its key allows.
func allowOrigin(header http.Header) {
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("Access-Control-Expose-Headers", "ETag")
}

// grant returns what the key of a request allows, and answers the request when it
// has none that is known.
func (h *Handler) grant(w http.ResponseWriter, r *http.Request) *book.Grant {
	key := shown(r)
	if g := h.book.Grant(key); g != nil {
		return g
	}
	if key != "" && h.Blind != nil && h.Blind() {
		w.Header().Set("Retry-After", "1")
		fail(w, http.StatusServiceUnavailable, "it is not known whether the access key is one: keys cannot be heard of")
		return nil
	}
	w.Header().Set("WWW-Authenticate", "Bearer")
	fail(w, http.StatusUnauthorized, "the request has no access key, or one that is not known or has expired")
	return nil
}

// clientSide reports whether a grant is for the flags that everybody may see.
func clientSide(g *book.Grant) bool { return g.Kind == davit.AccessClient }
