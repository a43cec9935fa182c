package openfeature_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/open-feature/go-sdk/openfeature"
	"github.com/open-feature/go-sdk/openfeature/isolated"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/audit"
	"github.com/davit-dev/davit/internal/flag/book"
	"github.com/davit-dev/davit/internal/flag/ofrep"
	"github.com/davit-dev/davit/internal/sqlite"
	"github.com/davit-dev/davit/openfeature"
)

// patience bounds what takes milliseconds on an idle machine.
const patience = 60 * time.Second

// world is a server of flags that may be away.
type world struct {
	*httptest.Server
	t      *testing.T
	book   *book.Book
	key    string
	client string
	told   lines // of use and outcomes

	mu   sync.Mutex
	away bool
	seen []string // Last-Event-ID of the requests
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	key, err := audit.LoadOrCreateKey(filepath.Join(dir, "audit.key"), "test")
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.Open(t.Context(), filepath.Join(dir, "davit.db"), sqlite.Options{Audit: audit.New(key)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	w := &world{t: t}
	if w.book, err = book.Open(t.Context(), store, time.Now); err != nil {
		t.Fatal(err)
	}
	for kind, text := range map[davit.AccessKeyKind]*string{davit.AccessServer: &w.key, davit.AccessClient: &w.client} {
		if _, *text, err = w.book.CreateKey(t.Context(), "test", davit.AccessKey{Application: "shop", Environment: "production", Kind: kind, Name: "web"}, 0); err != nil {
			t.Fatal(err)
		}
	}
	handler := ofrep.New(w.book)
	handler.Used = func(_, _, key string, _ time.Time) { fmt.Fprintf(&w.told, "used %q\n", key) }
	handler.Outcomes = func(_, _, key string, tallies []davit.FlagTally) error {
		fmt.Fprintln(&w.told, key, tallies)
		return nil
	}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		away := w.away
		w.seen = append(w.seen, r.Header.Get("Last-Event-ID"))
		w.mu.Unlock()
		if away {
			rw.WriteHeader(http.StatusBadGateway)
			return
		}
		handler.ServeHTTP(rw, r)
	}))
	t.Cleanup(func() { w.CloseClientConnections(); w.Close() })
	return w
}

// leave takes the server away, or brings it back.
func (w *world) leave(away bool) {
	w.mu.Lock()
	w.away = away
	w.mu.Unlock()
	w.CloseClientConnections()
}

// set makes a flag say something in production.
func (w *world) set(f davit.Flag, settings davit.FlagSettings) {
	w.t.Helper()
	e := davit.FlagEdit{Application: "shop", Key: f.Key, Actor: "test", Action: "flag.change", Alter: func(was davit.Flag) (davit.Flag, error) {
		f.Environments = map[string]davit.FlagSettings{"production": settings, "staging": {Enabled: true}}
		return f, nil
	}}
	if _, err := w.book.Flag("shop", f.Key); err == nil {
		e.Match = davit.AnyFlagRevision
	}
	if _, err := w.book.Change(context.Background(), e); err != nil {
		w.t.Fatal(err)
	}
}

func boolean(key string) davit.Flag {
	return davit.Flag{Key: key, Type: davit.FlagBoolean, Variants: davit.BooleanVariants(), Metadata: map[string]any{"team": "web"}}
}

func on(variant string) davit.FlagSettings {
	return davit.FlagSettings{Enabled: true, Default: davit.FlagServe{Variant: variant}}
}

// program is a program that reads flags.
type program struct {
	*sdk.Client
	api    *sdk.EvaluationAPI
	events chan string
	heard  []string // and not waited for yet
}

// start starts a program, and returns the error of its provider.
func (w *world) start(o openfeature.Options) (*program, error) {
	w.t.Helper()
	o.URL = w.URL
	if o.Key == "" {
		o.Key = w.key
	}
	provider, err := openfeature.New(o)
	if err != nil {
		w.t.Fatal(err)
	}
	p := &program{api: isolated.NewAPI(), events: make(chan string, 100)}
	for _, event := range []sdk.EventType{sdk.ProviderReady, sdk.ProviderConfigChange, sdk.ProviderStale, sdk.ProviderError} {
		hear := func(d sdk.EventDetails) {
			p.events <- strings.Join(append([]string{string(event)}, d.FlagChanges...), " ")
		}
		p.api.AddHandler(event, &hear)
	}
	err = p.api.SetProviderAndWait(w.t.Context(), provider)
	p.Client = p.api.NewClient()
	w.t.Cleanup(func() { provider.Shutdown() })
	return p, err
}

// hears waits for an event. The SDK tells of several in any order.
func (p *program) hears(t *testing.T, want string) {
	t.Helper()
	for late := time.After(patience); ; {
		if at := slices.Index(p.heard, want); at >= 0 {
			p.heard = slices.Delete(p.heard, at, at+1)
			return
		}
		select {
		case got := <-p.events:
			p.heard = append(p.heard, got)
		case <-late:
			t.Fatalf("never heard: %s, but %q", want, p.heard)
		}
	}
}

// forget forgets the events that were not waited for.
func (p *program) forget() {
	p.heard = nil
	for len(p.events) > 0 {
		<-p.events
	}
}

// counting is a hook that counts evaluations.
type counting struct {
	sdk.UnimplementedHook
	called atomic.Int64
}

func (c *counting) Finally(context.Context, sdk.HookContext, sdk.InterfaceEvaluationDetails, sdk.HookHints) {
	c.called.Add(1)
}

// TestProvider reads flags of all types, and follows a change.
func TestProvider(t *testing.T) {
	w := newWorld(t)
	w.set(boolean("plain"), on("on"))
	w.set(boolean("half"), davit.FlagSettings{Enabled: true, Default: davit.FlagServe{Split: &davit.FlagSplit{Shares: []davit.FlagShare{{Variant: "on", Weight: 1}, {Variant: "off", Weight: 1}}}}})
	w.set(boolean("unsaid"), davit.FlagSettings{})
	w.set(davit.Flag{Key: "text", Type: davit.FlagString, Variants: []davit.FlagVariant{{Name: "a", Value: []byte(`"x"`)}}}, on("a"))
	w.set(davit.Flag{Key: "number", Type: davit.FlagNumber, Variants: []davit.FlagVariant{{Name: "a", Value: []byte(`2.5`)}, {Name: "b", Value: []byte(`9007199254740993`)}}},
		davit.FlagSettings{Enabled: true, Default: davit.FlagServe{Variant: "a"}, Targets: []davit.FlagTarget{{Variant: "b", Keys: []string{"bo"}}}})
	w.set(davit.Flag{Key: "object", Type: davit.FlagObject, Variants: []davit.FlagVariant{{Name: "a", Value: []byte(`{"x":[1]}`)}}}, on("a"))
	hook := &counting{}
	p, err := w.start(openfeature.Options{Hooks: []sdk.Hook{hook}})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	anna, bo := sdk.NewEvaluationContext("anna", map[string]any{"plan": "pro"}), sdk.NewEvaluationContext("bo", nil)
	detail := func(d sdk.EvaluationDetails, value any) []any {
		return []any{value, d.Variant, string(d.Reason), string(d.ErrorCode)}
	}
	check := func(what string, got []any, want ...any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	b, _ := p.BooleanValueDetails(ctx, "plain", false, anna)
	check("boolean", detail(b.EvaluationDetails, b.Value), true, "on", "STATIC", "")
	if team, err := b.FlagMetadata.GetString("team"); team != "web" {
		t.Errorf("metadata: %v (%v)", b.FlagMetadata, err)
	}
	b, _ = p.BooleanValueDetails(ctx, "unsaid", true, anna)
	check("the program's default", detail(b.EvaluationDetails, b.Value), true, "", "DISABLED", "")
	b, _ = p.BooleanValueDetails(ctx, "nope", true, anna)
	check("not there", detail(b.EvaluationDetails, b.Value), true, "", "ERROR", "FLAG_NOT_FOUND")
	b, _ = p.BooleanValueDetails(ctx, "text", true, anna)
	check("wrong type", detail(b.EvaluationDetails, b.Value), true, "", "ERROR", "TYPE_MISMATCH")
	b, _ = p.BooleanValueDetails(ctx, "half", true, sdk.NewTargetlessEvaluationContext(nil))
	check("nobody", detail(b.EvaluationDetails, b.Value), true, "", "ERROR", "TARGETING_KEY_MISSING")
	b, _ = p.BooleanValueDetails(ctx, "half", true, sdk.NewTargetlessEvaluationContext(map[string]any{"x": make(chan int)}))
	check("a strange context", detail(b.EvaluationDetails, b.Value), true, "", "ERROR", "INVALID_CONTEXT")
	s, _ := p.StringValueDetails(ctx, "text", "", anna)
	check("text", detail(s.EvaluationDetails, s.Value), "x", "a", "STATIC", "")
	f, _ := p.FloatValueDetails(ctx, "number", 0, anna)
	check("number", detail(f.EvaluationDetails, f.Value), 2.5, "a", "DEFAULT", "")
	i, _ := p.IntValueDetails(ctx, "number", 7, bo)
	check("whole number", detail(i.EvaluationDetails, i.Value), int64(9007199254740993), "b", "TARGETING_MATCH", "")
	i, _ = p.IntValueDetails(ctx, "number", 7, anna)
	check("no whole number", detail(i.EvaluationDetails, i.Value), int64(7), "", "ERROR", "TYPE_MISMATCH")
	o, _ := p.ObjectValueDetails(ctx, "object", nil, anna)
	check("object", detail(o.EvaluationDetails, o.Value), map[string]any{"x": []any{1.0}}, "a", "STATIC", "")

	if got := hook.called.Load(); got != 11 {
		t.Errorf("the hook was called for %d evaluations of 11", got)
	}
	w.set(boolean("plain"), on("off"))
	p.hears(t, "PROVIDER_CONFIGURATION_CHANGED plain")
	if v, err := p.BooleanValue(ctx, "plain", true, anna); v || err != nil {
		t.Errorf("after the change: %v (%v)", v, err)
	}
}

// TestAway takes the server away: the program goes on, another starts with what was
// kept, and both take up what changed meanwhile.
func TestAway(t *testing.T) {
	w := newWorld(t)
	w.set(boolean("plain"), on("on"))
	file := filepath.Join(t.TempDir(), "flags")
	first, err := w.start(openfeature.Options{File: file})
	if err != nil {
		t.Fatal(err)
	}
	first.hears(t, "PROVIDER_READY")
	w.leave(true)
	first.hears(t, "PROVIDER_STALE")
	second, err := w.start(openfeature.Options{File: file})
	if err != nil {
		t.Fatal(err)
	}
	second.hears(t, "PROVIDER_READY")
	second.hears(t, "PROVIDER_STALE")
	for _, p := range []*program{first, second} {
		if v, err := p.BooleanValue(t.Context(), "plain", false, sdk.EvaluationContext{}); !v || err != nil {
			t.Errorf("while the server is away: %v (%v)", v, err)
		}
	}
	none, err := w.start(openfeature.Options{Wait: time.Millisecond})
	if err == nil {
		t.Error("started without flags")
	}
	if v, err := none.BooleanValue(t.Context(), "plain", true, sdk.EvaluationContext{}); !v || err == nil || !strings.Contains(err.Error(), "NOT_READY") {
		t.Errorf("without flags: %v (%v)", v, err)
	}
	w.set(boolean("plain"), on("off"))
	w.set(boolean("more"), on("on"))
	w.leave(false)
	for _, p := range []*program{first, second} {
		p.hears(t, "PROVIDER_CONFIGURATION_CHANGED more plain")
		p.hears(t, "PROVIDER_READY")
	}
	none.hears(t, "PROVIDER_READY")
	for name, p := range map[string]*program{"first": first, "second": second, "none": none} {
		if v, err := p.BooleanValue(t.Context(), "plain", true, sdk.EvaluationContext{}); v || err != nil {
			t.Errorf("%s, after it came back: %v (%v)", name, v, err)
		}
	}
	first.forget()
	w.leave(false) // cut off for a moment, with nothing changed
	first.hears(t, "PROVIDER_STALE")
	first.hears(t, "PROVIDER_READY")
	w.mu.Lock()
	defer w.mu.Unlock()
	if last := w.seen[len(w.seen)-1]; last == "" {
		t.Error("nothing says what the program has")
	}
}

// TestSegment tells of the flags that rest on a segment that changed, by a rule or by
// another flag.
func TestSegment(t *testing.T) {
	w := newWorld(t)
	segment := func(key string, when *davit.FlagCondition, include ...string) {
		t.Helper()
		_, err := w.book.ChangeSegment(t.Context(), davit.SegmentEdit{
			Application: "shop", Segment: davit.Segment{Key: key, Include: include, When: when}, Actor: "test", Match: davit.AnyFlagOrNone,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	segment("beta", nil, "anna")
	segment("friends", &davit.FlagCondition{Not: &davit.FlagCondition{Any: []davit.FlagCondition{{Segment: "beta"}}}})
	for key, segment := range map[string]string{"direct": "beta", "through": "friends"} {
		settings := on("off")
		settings.Rules = []davit.FlagRule{{When: &davit.FlagCondition{All: []davit.FlagCondition{{Segment: segment}}}, Serve: davit.FlagServe{Variant: "on"}}}
		w.set(boolean(key), settings)
	}
	resting := on("on")
	resting.Off, resting.Prerequisites = "off", []davit.FlagPrerequisite{{Flag: "direct", Variants: []string{"on"}}}
	w.set(boolean("resting"), resting)
	w.set(boolean("other"), on("on"))
	p, err := w.start(openfeature.Options{})
	if err != nil {
		t.Fatal(err)
	}
	segment("beta", nil, "anna", "bo")
	p.hears(t, "PROVIDER_CONFIGURATION_CHANGED direct resting through")
	if v, err := p.BooleanValue(t.Context(), "resting", false, sdk.NewEvaluationContext("bo", nil)); !v || err != nil {
		t.Errorf("after the change: %v (%v)", v, err)
	}
}

// TestCannotKeep logs that flags are in effect and not kept.
func TestCannotKeep(t *testing.T) {
	w := newWorld(t)
	w.set(boolean("plain"), on("on"))
	var said lines
	p, err := w.start(openfeature.Options{File: filepath.Join(t.TempDir(), "no", "folder"), Log: slog.New(slog.NewTextHandler(&said, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := p.BooleanValue(t.Context(), "plain", false, sdk.EvaluationContext{}); !v || err != nil {
		t.Errorf("%v (%v)", v, err)
	}
	if !strings.Contains(said.String(), "will not be there when the program starts") {
		t.Errorf("said: %s", said.String())
	}
}

// lines is what was logged.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestDamagedFile starts without a file that is none.
func TestDamagedFile(t *testing.T) {
	w := newWorld(t)
	w.set(boolean("plain"), on("on"))
	file := filepath.Join(t.TempDir(), "flags")
	if err := os.WriteFile(file, []byte("davit-flags-1 0\n{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.leave(true)
	if _, err := w.start(openfeature.Options{File: file, Wait: time.Millisecond}); err == nil {
		t.Error("started with a damaged file")
	}
	w.leave(false)
	p, err := w.start(openfeature.Options{File: file})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := p.BooleanValue(t.Context(), "plain", false, sdk.EvaluationContext{}); !v || err != nil {
		t.Errorf("%v (%v)", v, err)
	}
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), `"plain"`) || strings.Contains(string(text), "staging") {
		t.Errorf("%s (%v)", text, err)
	}
}

// TestRefused shows keys that do not go for it.
func TestRefused(t *testing.T) {
	w := newWorld(t)
	for key, status := range map[string]string{w.client: "403", "davit_server_nobody": "401"} {
		_, err := w.start(openfeature.Options{Key: key, Wait: 200 * time.Millisecond})
		if err == nil || !strings.Contains(err.Error(), status) || strings.Contains(err.Error(), key) {
			t.Errorf("want %s: %v", status, err)
		}
	}
	for _, o := range []openfeature.Options{{Key: "x"}, {URL: "unix:/x", Key: "x"}, {URL: "http://davit"}} {
		if _, err := openfeature.New(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}

// TestReports tells the server at the end which flags were evaluated, over a change
// too, and how what they were served in went.
func TestReports(t *testing.T) {
	w := newWorld(t)
	for _, key := range []string{"plain", "more", "idle"} {
		w.set(boolean(key), on("on"))
	}
	p, err := w.start(openfeature.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, anna := t.Context(), sdk.NewEvaluationContext("anna", nil)
	evaluate := func(key string) {
		t.Helper()
		if v, err := p.BooleanValue(ctx, key, false, anna); !v || err != nil {
			t.Errorf("%v (%v)", v, err)
		}
	}
	evaluate("plain")
	w.set(boolean("idle"), on("off"))
	p.hears(t, "PROVIDER_CONFIGURATION_CHANGED idle")
	evaluate("more")
	for i := range 5 {
		p.Track(ctx, "plain", anna, sdk.NewTrackingEventDetails(1).Add(openfeature.AttributeFailed, i == 0))
	}
	p.Track(ctx, "plain", anna, sdk.NewTrackingEventDetails(1).Add(openfeature.AttributeVariant, "off"))
	p.Track(ctx, "checkout", anna, sdk.NewTrackingEventDetails(1)) // about no flag
	if err := p.api.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	total, failed := 0, 0
	for line := range strings.Lines(w.told.String()) {
		var requests, failures int
		if _, err := fmt.Sscanf(line, "plain [{on %d %d}]", &requests, &failures); err == nil {
			total, failed = total+requests, failed+failures
		} else if n, _ := fmt.Sscanf(line, "plain [{off 1 0} {on %d %d}]", &requests, &failures); n == 2 {
			total, failed = total+requests, failed+failures
		}
	}
	if total != 5 || failed != 1 || !strings.Contains(w.told.String(), "{off 1 0}") || strings.Contains(w.told.String(), "checkout") {
		t.Errorf("outcomes told:\n%s", w.told.String())
	}
	for key, want := range map[string]bool{"plain": true, "more": true, "idle": false, "": false} {
		if got := strings.Contains(w.told.String(), fmt.Sprintf("used %q\n", key)); got != want {
			t.Errorf("use of %q told is %t:\n%s", key, got, w.told.String())
		}
	}
}
