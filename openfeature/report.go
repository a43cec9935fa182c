package openfeature

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	sdk "github.com/open-feature/go-sdk/openfeature"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag"
)

const (
	usagePath     = "/ofrep/davit/v1/usage"
	outcomesPath  = "/ofrep/davit/v1/outcomes"
	reportsHeader = "Davit-Reports-Usage"

	usageEvery    = time.Minute     // the server notes uses to the minute
	outcomesEvery = 2 * time.Second // a ramp waits for them
	keysAtOnce    = 200             // within what the server takes
	lastWait      = 2 * time.Second // for what is told at the end
)

// AttributeFailed and AttributeVariant are attributes of what is tracked: whether it
// failed, a boolean, and the variant that was served.
const (
	AttributeFailed  = "failed"
	AttributeVariant = "variant"
)

// Track tells how something went in which a flag was served: the name of the event is
// the flag's key, and the attribute "failed" says that it went wrong. A ramp that
// judges by what applications report takes that in. The variant is the one that the
// context gets, unless the attribute "variant" names another. What is tracked is
// counted, and told to the server every two seconds.
func (p *Provider) Track(_ context.Context, key string, about sdk.EvaluationContext, details sdk.TrackingEventDetails) {
	state := p.state.Load()
	if state == nil || state.compiled.Type(key) == "" {
		return // an event that is about no flag
	}
	attributes := details.Attributes()
	variant, named := attributes[AttributeVariant].(string)
	if !named {
		flat := maps.Clone(about.Attributes())
		if flat == nil {
			flat = map[string]any{}
		}
		if about.TargetingKey() != "" {
			flat[sdk.TargetingKey] = about.TargetingKey()
		}
		c, err := flag.NewContext(flat, time.Now())
		if err != nil {
			return
		}
		variant = state.compiled.Evaluate(key, c).Variant
	}
	if variant == "" {
		return // it took the program's own default
	}
	failed, _ := attributes[AttributeFailed].(bool)
	p.reports.count(key, variant, failed)
}

// reports is what the server was not told yet.
type reports struct {
	mu       sync.Mutex
	used     map[string]bool                        // flags that were evaluated
	outcomes map[string]map[string]*davit.FlagTally // by flag and variant
	refused  bool                                   // the server takes no outcomes, and that was logged
}

// count counts something that a variant was served in. The flag is there, which
// bounds how many there are.
func (r *reports) count(key, variant string, failed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.outcomes == nil {
		r.outcomes = map[string]map[string]*davit.FlagTally{}
	}
	of := r.outcomes[key]
	if of == nil {
		of = map[string]*davit.FlagTally{}
		r.outcomes[key] = of
	}
	tally := of[variant]
	if tally == nil {
		if len(of) == variantsMost {
			return
		}
		tally = &davit.FlagTally{Variant: variant}
		of[variant] = tally
	}
	tally.Requests++
	if failed {
		tally.Failures++
	}
}

// variantsMost bounds the variants of a flag that programs name.
const variantsMost = 100

// uses notes which flags of a snapshot were evaluated. It is read and written without
// a lock.
type uses map[string]*atomic.Bool

func newUses(flags []davit.Flag) uses {
	u := make(uses, len(flags))
	for _, f := range flags {
		u[f.Key] = &atomic.Bool{}
	}
	return u
}

// note notes that a flag was evaluated.
func (u uses) note(key string) {
	if used := u[key]; used != nil && !used.Load() {
		used.Store(true)
	}
}

// collect takes over what was noted with a snapshot.
func (r *reports) collect(l *loaded) {
	if l == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, used := range l.uses {
		if used.Swap(false) {
			if r.used == nil {
				r.used = map[string]bool{}
			}
			r.used[key] = true
		}
	}
}

// report tells the server what was used and how it went until ctx ends, and then once
// more.
func (p *Provider) report(ctx context.Context) {
	usage, outcomes := time.NewTicker(usageEvery), time.NewTicker(outcomesEvery)
	defer usage.Stop()
	defer outcomes.Stop()
	for {
		select {
		case <-usage.C:
			p.tellUsed(ctx)
		case <-outcomes.C:
			p.tellOutcomes(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWait)
			defer cancel()
			p.tellUsed(last)
			p.tellOutcomes(last)
			return
		}
	}
}

// tellUsed tells which flags were evaluated. What cannot be told is told later.
func (p *Provider) tellUsed(ctx context.Context) {
	r := &p.reports
	r.collect(p.state.Load())
	r.mu.Lock()
	keys := slices.Sorted(maps.Keys(r.used))
	r.mu.Unlock()
	for part := range slices.Chunk(keys, keysAtOnce) {
		if err := p.post(ctx, usagePath, map[string]any{"flags": part}); err != nil {
			return // the stream tells that the server is away
		}
		r.mu.Lock()
		for _, key := range part {
			delete(r.used, key)
		}
		r.mu.Unlock()
	}
}

// tellOutcomes tells how things went. What the server does not take is not told again.
func (p *Provider) tellOutcomes(ctx context.Context) {
	r := &p.reports
	r.mu.Lock()
	told := r.outcomes
	r.outcomes = nil
	r.mu.Unlock()
	for key, of := range told {
		tallies := make([]davit.FlagTally, 0, len(of))
		for _, variant := range slices.Sorted(maps.Keys(of)) {
			tallies = append(tallies, *of[variant])
		}
		err := p.post(ctx, outcomesPath, map[string]any{"flag": key, "outcomes": tallies})
		if err == nil {
			continue
		}
		r.mu.Lock()
		first := !r.refused
		r.refused = true
		r.mu.Unlock()
		if first {
			p.options.Log.WarnContext(ctx, "what was tracked of a flag is lost; told once", "flag", key, "error", err)
		}
	}
}

// answerMost bounds what is read of an answer.
const answerMost = 4 << 10

// post tells the server something.
func (p *Provider) post(ctx context.Context, path string, what any) error {
	body, err := json.Marshal(what)
	if err != nil {
		return fmt.Errorf("encoding what is told: %w", err)
	}
	u, err := url.Parse(p.options.URL)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.JoinPath(path).String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+p.options.Key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := p.options.Client.Do(req)
	if err != nil {
		return fmt.Errorf("telling the server: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	answer, err := io.ReadAll(io.LimitReader(resp.Body, answerMost))
	if resp.StatusCode < 300 || err != nil {
		return err
	}
	var said struct {
		Details string `json:"errorDetails"`
	}
	if json.Unmarshal(answer, &said) == nil && said.Details != "" {
		return errors.New(said.Details)
	}
	return fmt.Errorf("the server answers %s", resp.Status)
}

const postTimeout = 10 * time.Second
