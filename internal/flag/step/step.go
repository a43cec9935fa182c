// Package step switches feature flags as a step of a rollout, and returns them when
// the rollout is hauled back.
package step

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag/served"
)

const (
	action = "flag.deploy" // in the history and the audit log, of all that a rollout switches
	actor  = "davit"
)

// Book keeps the flags.
type Book interface {
	served.Book
	// Flag returns a flag as it is; a *davit.Error of CodeNotFound when there is none.
	Flag(application, key string) (*davit.FlagRecord, error)
	Change(ctx context.Context, e davit.FlagEdit) (*davit.FlagOutcome, error)
}

// Done is what came of a flag.
type Done struct {
	Flag       string                 `json:"flag"`
	Said       string                 `json:"said"`
	Difference []davit.FlagDifference `json:"difference,omitempty"` // of what was switched, or returned
}

// Do does the task of a flag gate for a rollout: for each flag, until one fails. It
// can be done again, and does nothing then.
func Do(ctx context.Context, book Book, r *davit.Rollout, p davit.FlagParams) ([]Done, error) {
	var all []Done
	for _, s := range p.Flags {
		var outcome *davit.FlagOutcome
		var said string
		var err error
		switch p.Task {
		case davit.FlagsCheck, davit.FlagsSwitch:
			outcome, said, err = change(ctx, book, r, s, p.Task == davit.FlagsCheck)
		case davit.FlagsReturn:
			outcome, said, err = back(ctx, book, r, s.Flag)
		default:
			err = &davit.Error{Code: davit.CodeInvalid, Message: fmt.Sprintf("there is no task %q of flags", p.Task)}
		}
		if err != nil {
			return all, err
		}
		done := Done{Flag: s.Flag, Said: said}
		if outcome != nil {
			done.Difference = outcome.Difference
		}
		all = append(all, done)
	}
	return all, nil
}

// change switches a flag, or looks at what that would do. The outcome is nil when
// nothing was done.
func change(ctx context.Context, book Book, r *davit.Rollout, s davit.FlagSwitch, look bool) (*davit.FlagOutcome, string, error) {
	outcome, err := book.Change(ctx, davit.FlagEdit{
		Application: r.Application, Key: s.Flag, Actor: actor, Action: action, Match: davit.AnyFlagRevision,
		Comment: switched(r) + "asked for by " + r.Actor,
		Alter:   func(f davit.Flag) (davit.Flag, error) { return f.Instruct(s.Instructions(r.Environment)...) },
		DryRun:  look,
		Rollout: r,
		// Somebody may turn it off before the rollout asks again.
		RequestKey: r.ID + " " + s.Flag, RequestDigest: r.ID,
	})
	switch {
	case err != nil:
		return nil, "", err
	case look && len(outcome.Protected) > 0 && !asksPeople(r):
		return nil, "", &davit.Error{
			Code: davit.CodeRefused, Message: fmt.Sprintf("others have to approve what changes flag %s: %s is protected, and the rollout asks nobody", s.Flag, r.Environment),
			Hint: "let people approve the deployment before it switches flags, in davit.yaml under approvals",
		}
	case look && len(outcome.Difference) > 0:
		return nil, "can be switched", nil
	case !outcome.Changed:
		return nil, "is so already", nil
	default:
		return outcome, fmt.Sprintf("switched in revision %d", outcome.Record.Revision), nil
	}
}

// back returns a flag to what it served before the rollout switched it. What somebody
// else has said since is not undone. The outcome is nil when nothing was done.
func back(ctx context.Context, book Book, r *davit.Rollout, key string) (*davit.FlagOutcome, string, error) {
	for {
		outcome, said, err := backFrom(ctx, book, r, key)
		if !errors.Is(err, davit.ErrFlagRevision) { // else somebody changed it meanwhile: look again
			return outcome, said, err
		}
	}
}

func backFrom(ctx context.Context, book Book, r *davit.Rollout, key string) (*davit.FlagOutcome, string, error) {
	current, err := book.Flag(r.Application, key)
	if davit.ErrorCode(err) == davit.CodeNotFound {
		return nil, "is not there any more", nil
	}
	if err != nil {
		return nil, "", err
	}
	own, later, err := served.Back(ctx, book, current, func(record *davit.FlagRecord) bool {
		return record.Action == action && (strings.HasPrefix(record.Comment, switched(r)) || strings.HasPrefix(record.Comment, returned(r)))
	})
	switch {
	case err != nil:
		return nil, "", err
	case own == nil:
		return nil, "was not switched", nil
	case strings.HasPrefix(own.Comment, returned(r)):
		return nil, "was returned", nil
	}
	if by := served.Culprit(r.Environment, own, later); by != "" {
		return nil, "is left as it is: " + by, nil
	}
	before, _, err := served.Back(ctx, book, own, func(record *davit.FlagRecord) bool { return record.Revision < own.Revision })
	if err != nil {
		return nil, "", err
	}
	if before == nil { // no flag comes into being by a switch
		return nil, "", fmt.Errorf("flag %s has no revision before %d", key, own.Revision)
	}
	origin := served.Settings(before, r.Environment)
	if served.Same(served.Settings(current, r.Environment), origin) {
		return nil, "serves what it served before", nil
	}
	outcome, err := book.Change(ctx, davit.FlagEdit{
		Application: r.Application, Key: key, Actor: actor, Action: action, Match: current.Revision,
		Comment: returned(r) + clip(r.Cause), Return: true,
		Alter: func(f davit.Flag) (davit.Flag, error) { return served.Return(f, r.Environment, origin) },
	})
	if err != nil {
		return nil, "", err
	}
	return outcome, fmt.Sprintf("returned in revision %d", outcome.Record.Revision), nil
}

// asksPeople reports whether a rollout waits for approval at some time. Whether it has
// the one that it takes is seen when it switches flags.
func asksPeople(r *davit.Rollout) bool {
	return slices.ContainsFunc(r.Policy.Holds, func(h davit.Hold) bool { return h.Gate.Kind == davit.GateApproval })
}

// switched and returned begin the comments of what a rollout did to a flag.
func switched(r *davit.Rollout) string { return "rollout " + r.ID + ": " }
func returned(r *davit.Rollout) string { return "rollout " + r.ID + " hauled back: " }

// clip bounds a cause, which may be long, for a comment.
func clip(cause string) string {
	const most = 900 // bytes
	return strings.ToValidUTF8(cause[:min(len(cause), most)], "")
}
