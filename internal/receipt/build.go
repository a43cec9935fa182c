package receipt

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
)

// maxIncidents bounds how many incidents a receipt names; the last one says how
// many more there were.
const maxIncidents = 50

// maxVerdicts bounds the verdicts of a stage that a receipt names: a gate may
// waver for hours.
const maxVerdicts = 200

// Source is what a receipt is made of.
type Source struct {
	Rollout *davit.Rollout // has ended
	// Target and Stable are the plan's releases; nil where it has none.
	Target, Stable *davit.Release
	Events         []davit.Event // the whole journal
	Samples        []byte        // the stored series; nil when there is none
	Version        string        // of this program
}

// NewStatement returns what the receipt of a rollout says. The same source gives
// the same statement.
func NewStatement(s Source) (Statement, error) {
	r := s.Rollout
	if !r.Phase.Ended() {
		return Statement{}, fmt.Errorf("rollout %s is %s: a receipt is for one that has ended", r.ID, r.Phase)
	}
	p := Predicate{
		Rollout: Rollout{
			ID: r.ID, Application: r.Application, Environment: r.Environment, Kind: r.Kind, CreatedAt: r.CreatedAt,
			StartedAt: r.StartedAt, PromotedAt: r.PromotedAt, HauledAt: r.HauledAt, EndedAt: r.EndedAt,
		},
		Releases:  releases(s),
		Requested: Request{Actor: r.Actor, Reason: r.Reason, At: r.CreatedAt},
		Plan:      r.Plan, Stages: []Stage{}, Witness: r.Measured, Outcome: r.Phase, Reason: r.Cause,
		Builder: Builder{ID: "https://github.com/davit-dev/davit", Version: s.Version},
	}
	if s.Samples != nil {
		p.Samples = digest(s.Samples)
	}
	if err := p.journal(s); err != nil {
		return Statement{}, fmt.Errorf("reading the journal of rollout %s: %w", r.ID, err)
	}
	return Statement{Type: StatementType, Subject: subjects(s), PredicateType: PredicateType, Predicate: p}, nil
}

func releases(s Source) []Release {
	list := []Release{}
	for _, r := range []struct {
		role    string
		release *davit.Release
	}{{"target", s.Target}, {"stable", s.Stable}} {
		if r.release != nil {
			list = append(list, Release{
				Role: r.role, ID: r.release.ID, Version: r.release.Version, Artifacts: r.release.Artifacts, ConfigHash: r.release.ConfigHash,
			})
		}
	}
	return list
}

// subjects are what the rollout was about: the artifacts of its target and its
// configuration; of stable, when it went to nothing.
func subjects(s Source) []Subject {
	about := s.Target
	if about == nil {
		about = s.Stable
	}
	if about == nil { // from nothing to nothing
		sum := sha256.Sum256([]byte(s.Rollout.ID))
		return []Subject{{Name: "rollout/" + s.Rollout.ID, Digest: map[string]string{"sha256": hex.EncodeToString(sum[:])}}}
	}
	name := func(part string) string {
		return strings.Join([]string{about.Application, about.Environment, about.Version, part}, "/")
	}
	var list []Subject
	for _, service := range slices.Sorted(maps.Keys(about.Artifacts)) {
		algorithm, value, ok := strings.Cut(about.Artifacts[service], ":")
		if ok {
			list = append(list, Subject{Name: name(service), Digest: map[string]string{algorithm: value}})
		}
	}
	return append(list, Subject{Name: name("configuration"), Digest: map[string]string{"sha256": about.ConfigHash}})
}

// journal tells what happened from the journal's events.
func (p *Predicate) journal(s Source) error {
	sum := sha256.New()
	more := 0
	for _, e := range s.Events {
		if e.Kind == davit.EventWitness {
			continue
		}
		line, err := json.Marshal(e)
		if err != nil {
			return err
		}
		sum.Write(append(line, '\n'))
		p.Journal.Events++
		if err := p.happened(e, &more); err != nil {
			return fmt.Errorf("event %d: %w", e.Seq, err)
		}
	}
	p.Journal.SHA256 = hex.EncodeToString(sum.Sum(nil))
	if more > 0 {
		last := &p.Incidents[len(p.Incidents)-1]
		last.Message = fmt.Sprintf("%s (and %d more incidents, which the journal has)", last.Message, more)
	}
	if n := len(p.Stages); n > 0 {
		p.Stages[n-1].Until = p.Rollout.EndedAt
	}
	return nil
}

// happened takes in one event.
func (p *Predicate) happened(e davit.Event, more *int) error {
	switch e.Kind {
	case davit.EventStage:
		p.enter(e, false)
	case davit.EventPhase:
		var phase davit.Phase
		if err := json.Unmarshal(e.Data, &phase); err != nil {
			return err
		}
		switch {
		case phase == davit.HaulingBack && !p.goingBack():
			p.enter(e, true)
		case strings.HasPrefix(e.Message, "taken up again"):
			p.incident(e, more)
		}
	case davit.EventHeld:
		if at := p.stage(); at != nil {
			at.Held = e.At
		}
	case davit.EventRouted:
		split := davit.Split{}
		if err := json.Unmarshal(e.Data, &split); err != nil {
			return err
		}
		if at := p.stage(); at != nil {
			at.Splits = append(at.Splits, Split{At: e.At, Split: split})
		}
	case davit.EventVerdict:
		return p.verdict(e)
	case davit.EventCommand:
		return p.command(e)
	case davit.EventLapsed, davit.EventTrouble:
		p.incident(e, more)
	}
	return nil
}

// enter begins a stage, or the way back from one.
func (p *Predicate) enter(e davit.Event, back bool) {
	if at := p.stage(); at != nil {
		at.Until = e.At
	}
	next := Stage{Index: e.Stage, Back: back, From: e.At}
	if e.Stage >= 0 && e.Stage < len(p.Plan.Stages) {
		next.Name = p.Plan.Stages[e.Stage].Name
	}
	p.Stages = append(p.Stages, next)
}

// stage returns the stage that the journal is in; nil before the first.
func (p *Predicate) stage() *Stage {
	if len(p.Stages) == 0 {
		return nil
	}
	return &p.Stages[len(p.Stages)-1]
}

func (p *Predicate) goingBack() bool { at := p.stage(); return at != nil && at.Back }

func (p *Predicate) verdict(e davit.Event) error {
	var v davit.Verdict
	if err := json.Unmarshal(e.Data, &v); err != nil {
		return err
	}
	at := p.stage()
	if at == nil {
		return nil
	}
	said := Verdict{Gate: v.Gate, Outcome: v.Outcome, Reason: v.Reason, At: e.At}
	if len(v.Evidence) > 0 {
		said.Evidence = digest(v.Evidence)
	}
	at.Verdicts = append(at.Verdicts, said)
	if len(at.Verdicts) > maxVerdicts { // the first ones and the last ones matter
		at.Verdicts = slices.Delete(at.Verdicts, maxVerdicts/2, maxVerdicts/2+1)
		at.Omitted++
	}
	return nil
}

// command takes in what an operator said. Whatever kinds there are, they have an
// actor and a reason.
func (p *Predicate) command(e davit.Event) error {
	said := Command{At: e.At, Message: e.Message}
	if len(e.Data) > 0 {
		var data struct {
			Kind   string `json:"kind"`
			Actor  string `json:"actor"`
			Reason string `json:"reason"`
		}
		if err := json.Unmarshal(e.Data, &data); err != nil {
			return err
		}
		said.Kind, said.Actor, said.Reason = data.Kind, data.Actor, data.Reason
	}
	p.Commands = append(p.Commands, said)
	return nil
}

func (p *Predicate) incident(e davit.Event, more *int) {
	if len(p.Incidents) == maxIncidents {
		*more++
		return
	}
	p.Incidents = append(p.Incidents, Incident{At: e.At, Kind: e.Kind, Message: e.Message})
}

func digest(data []byte) *Digest {
	sum := sha256.Sum256(data)
	return &Digest{SHA256: hex.EncodeToString(sum[:])}
}
