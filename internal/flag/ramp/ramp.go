package ramp

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag/served"
)

const (
	service = "flag"      // the only one of the releases that variants are
	action  = "flag.ramp" // in the audit log, of all that a ramp changes
	actor   = "davit"
)

// Book keeps the flags.
type Book interface {
	// Flag returns a flag as it is; a *davit.Error of CodeNotFound when there is none.
	Flag(application, key string) (*davit.FlagRecord, error)
	// History lists the records of a flag with a revision below before (0: all),
	// newest first, limit at most.
	History(ctx context.Context, application, key string, before int64, limit int) ([]*davit.FlagRecord, error)
	Change(ctx context.Context, e davit.FlagEdit) (*davit.FlagOutcome, error)
	// Replaced returns a channel that is closed after the next change of any flag.
	Replaced() <-chan struct{}
	Now() time.Time
}

// Config returns what the releases of all ramps are configured as.
func Config() davit.ReleaseConfig {
	return davit.ReleaseConfig{Services: map[string]davit.Service{service: {Name: service, Traffic: true, Replicas: 1}}}
}

// Ramp is the runtime, the router and the figures of the ramps of one flag in one
// environment. New makes one. It is safe for concurrent use.
type Ramp struct {
	book        Book
	outcomes    *Outcomes
	application string
	site        davit.FlagSite
	from, to    davit.ReleaseID
	// underWay returns the rollout under way; nil when there is none, or that cannot be
	// told.
	underWay func(context.Context) *davit.Rollout

	mu       sync.Mutex
	declared map[davit.ReleaseID]bool
	changed  chan struct{} // closed when declared changes
	seen     *takeover     // what was found out last; nil before
}

// New returns what the ramps of an environment run on. underWay returns the rollout
// under way there, or nil: it says why it is hauled back, for the flag's history, and
// whether people had to approve it.
func New(book Book, outcomes *Outcomes, e davit.Environment, underWay func(context.Context) *davit.Rollout) (*Ramp, error) {
	if e.Site.Flag == nil {
		return nil, &davit.Error{Code: davit.CodeInvalid, Message: e.Name + " names no flag", Hint: "flags are ramped by davit flag ramp"}
	}
	r := &Ramp{
		book: book, outcomes: outcomes, application: e.Application, site: *e.Site.Flag, underWay: underWay,
		declared: map[davit.ReleaseID]bool{}, changed: make(chan struct{}),
	}
	for variant, id := range map[string]*davit.ReleaseID{r.site.From: &r.from, r.site.To: &r.to} {
		release, err := davit.NewRelease(e.Application, e.Name, variant, map[string]string{}, Config(), time.Time{})
		if err != nil {
			return nil, err
		}
		*id = release.ID
	}
	return r, nil
}

// Pin is engine.Runtime's. A variant is no artifact.
func (r *Ramp) Pin(context.Context, davit.Service) (string, error) { return "", nil }

// Declare is engine.Runtime's. A variant is there as soon as it is wanted.
func (r *Ramp) Declare(_ context.Context, release *davit.Release, size davit.Size) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	wanted := size.Total() > 0
	if r.declared[release.ID] == wanted {
		return nil
	}
	r.declared[release.ID] = wanted
	close(r.changed)
	r.changed = make(chan struct{})
	return nil
}

// Instances is engine.Runtime's. The variant that is ramped up has failed when
// somebody else has changed who gets what.
func (r *Ramp) Instances(ctx context.Context) ([]davit.Instance, error) {
	_, taken, err := r.taken(ctx)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []davit.Instance
	for id, wanted := range r.declared {
		if !wanted {
			continue
		}
		i := davit.Instance{ID: string(id), Release: id, Service: service, Condition: davit.Ready}
		if id == r.to && taken != "" {
			i.Condition, i.Reason = davit.Failed, taken
		}
		all = append(all, i)
	}
	return all, nil
}

// Routing is engine.Router's: what the flag says now.
func (r *Ramp) Routing(context.Context) (davit.Routing, error) {
	record, err := r.book.Flag(r.application, r.site.Key)
	if davit.ErrorCode(err) == davit.CodeNotFound {
		return davit.Routing{}, nil
	}
	if err != nil {
		return davit.Routing{}, err
	}
	return davit.Routing{Split: r.split(record.Flag.Environments[r.site.Environment]), Stable: r.from, Candidate: r.to}, nil
}

// split returns how settings deal out the users; none when they do it otherwise than
// ramps do.
func (r *Ramp) split(s davit.FlagSettings) davit.Split {
	switch {
	case !s.Enabled, s.Default.Split == nil && s.Default.Variant == r.site.From:
		return davit.All(r.from)
	case s.Default.Split == nil && s.Default.Variant == r.site.To:
		return davit.All(r.to)
	case s.Default.Split == nil:
		return nil
	}
	weight := map[string]int{}
	for _, share := range s.Default.Split.Shares {
		weight[share.Variant] += share.Weight
	}
	total := s.Default.Split.Total()
	if weight[r.site.From]+weight[r.site.To] != total {
		return nil
	}
	to := (weight[r.site.To]*davit.Whole + total/2) / total
	if to == 0 || to == davit.Whole {
		return davit.All(map[bool]davit.ReleaseID{true: r.from, false: r.to}[to == 0])
	}
	return davit.Split{r.to: to, r.from: davit.Whole - to}
}

// Route is engine.Router's. It is in effect when the flag's change is stored: the
// next evaluation goes by it. What somebody else has said since is not undone.
func (r *Ramp) Route(ctx context.Context, routing davit.Routing) error {
	share := routing.Split[r.to]
	record, taken, err := r.taken(ctx)
	switch {
	case err != nil:
		return err
	case taken != "" && share == 0:
		return nil
	case taken != "":
		return &davit.Error{Code: davit.CodeConflict, Message: taken}
	}
	if share == 0 && r.split(served.Settings(record, r.site.Environment)).Equal(davit.All(r.from)) {
		return nil
	}
	origin, err := r.origin(ctx)
	if err != nil {
		return err
	}
	rollout := r.underWay(ctx)
	if r.site.OnHarm != davit.HarmOrigin && rollout != nil && rollout.Harmed() {
		origin.Enabled = false
	}
	// What was judged is what is changed: whoever says something in between is heard.
	_, err = r.book.Change(ctx, davit.FlagEdit{
		Application: r.application, Key: r.site.Key, Actor: actor, Action: action, Match: record.Revision,
		Comment: r.comment(rollout, share), Rollout: rollout, Return: share == 0 && returns(rollout),
		Alter: func(f davit.Flag) (davit.Flag, error) { return r.alter(f, origin, share) },
	})
	return err
}

// comment says what a change is for, in the flag's history.
func (r *Ramp) comment(rollout *davit.Rollout, share int) string {
	if share > 0 {
		return fmt.Sprintf("ramp: %s to %s", davit.Percent(share), r.site.To)
	}
	if rollout != nil && rollout.Cause != "" {
		return "ramp hauled back: " + rollout.Cause
	}
	return "ramp: back to what was served before"
}

// returns reports whether a rollout is on its way back to what was served before it. A
// rollback in one go to what an earlier ramp ended with is none, and nobody approves it.
func returns(rollout *davit.Rollout) bool {
	return rollout != nil && rollout.Kind == davit.KindDeploy && rollout.Phase == davit.HaulingBack
}

// alter returns the flag with a share of the users, in thousandths, on the variant
// that is ramped up.
func (r *Ramp) alter(f davit.Flag, origin davit.FlagSettings, share int) (davit.Flag, error) {
	environment := r.site.Environment
	switch share {
	case 0:
		return served.Return(f, environment, origin)
	case davit.Whole:
		return f.Instruct(
			davit.FlagInstruction{Kind: davit.Serve, Environment: environment, Variant: r.site.To},
			davit.FlagInstruction{Kind: davit.TurnOn, Environment: environment})
	default:
		percent := float64(share) * 100 / davit.Whole
		return f.Instruct(
			davit.FlagInstruction{Kind: davit.SetPercentages, Environment: environment, By: r.site.By,
				Percentages: map[string]float64{r.site.To: percent, r.site.From: 100 - percent}},
			davit.FlagInstruction{Kind: davit.TurnOn, Environment: environment})
	}
}

// origin returns what the flag said in the environment when the ramp was asked for.
func (r *Ramp) origin(ctx context.Context) (davit.FlagSettings, error) {
	records, err := r.book.History(ctx, r.application, r.site.Key, r.site.Revision+1, 1)
	if err != nil || len(records) == 0 {
		return davit.FlagSettings{}, fmt.Errorf("looking up revision %d of flag %s: %w", r.site.Revision, r.site.Key, err)
	}
	return served.Settings(records[0], r.site.Environment), nil
}

// Drain is engine.Router's. An evaluation is over when it is answered.
func (r *Ramp) Drain(context.Context, *davit.Release) (int64, error) { return 0, nil }

// Figures is engine.Metrics'.
func (r *Ramp) Figures(context.Context) (davit.Figures, error) {
	of := func(variant string) counted {
		return counted{r.application, r.site.Environment, r.site.Key, variant}
	}
	return r.outcomes.figures(r.book.Now(), map[davit.ReleaseID]counted{r.from: of(r.site.From), r.to: of(r.site.To)}), nil
}
