package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/api"
)

// plainView writes a line for each event that matters, for logs of CI runners
// and pipes.
type plainView struct {
	out   io.Writer
	now   func() time.Time
	waits string // what it was said to wait for
}

func (v *plainView) event(e davit.Event) error {
	if e.Kind == davit.EventWitness || e.Kind == davit.EventVerdict && undecided(e) {
		return nil
	}
	return v.line(e.At, e.Message)
}

// undecided reports whether a verdict is that there is no evidence yet.
func undecided(e davit.Event) bool {
	var verdict davit.Verdict
	return json.Unmarshal(e.Data, &verdict) == nil && verdict.Outcome == davit.Inconclusive
}

func (v *plainView) line(at time.Time, text string) error {
	_, err := fmt.Fprintf(v.out, "%s  %s\n", at.UTC().Format("15:04:05.000"), text)
	return err
}

func (v *plainView) tick() error { return nil }

func (v *plainView) live(l *api.Live) error {
	waits := waitText(l.Rollout)
	if waits == v.waits {
		return nil
	}
	if v.waits = waits; waits == "" {
		return nil
	}
	return v.line(v.now(), waits)
}

func (v *plainView) lost(err error) error {
	return v.line(v.now(), "the server does not answer, trying again: "+err.Error())
}

func (v *plainView) end(r *davit.Rollout) error {
	_, err := fmt.Fprintf(v.out, "%s\n", closing(r))
	return err
}

// jsonView writes a JSON object a line: {"event": …} for every event of the
// journal, and {"rollout": …} at the end.
type jsonView struct{ app *app }

type jsonLine struct {
	Event   *davit.Event   `json:"event,omitempty"`
	Rollout *davit.Rollout `json:"rollout,omitempty"`
}

func (v *jsonView) event(e davit.Event) error  { return v.write(jsonLine{Event: &e}) }
func (v *jsonView) live(*api.Live) error       { return nil }
func (v *jsonView) tick() error                { return nil }
func (v *jsonView) end(r *davit.Rollout) error { return v.write(jsonLine{Rollout: r}) }

func (v *jsonView) lost(err error) error {
	v.app.notes([]string{"the server does not answer, trying again: " + err.Error()})
	return nil
}

func (v *jsonView) write(line jsonLine) error { return json.NewEncoder(v.app.stdout).Encode(line) }

// writeJSON writes a value as indented JSON.
func (a *app) writeJSON(value any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetIndent("", "  ")
	return enc.Encode(value)
}
