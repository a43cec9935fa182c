// Package served looks through the history of a flag for what it served in an
// environment, and for who changed that.
package served

import (
	"context"
	"fmt"
	"reflect"

	"github.com/davit-dev/davit"
)

// Book keeps the history of flags.
type Book interface {
	// History lists the records of a flag with a revision below before (0: all),
	// newest first, limit at most.
	History(ctx context.Context, application, key string, before int64, limit int) ([]*davit.FlagRecord, error)
}

// page is how many records of a flag are read at once.
const page = 50

// Back goes back in the history of a flag, from a record on, to the first that is
// looked for. It returns that and those that came later, newest first; nil and all of
// them when there is none.
func Back(ctx context.Context, book Book, from *davit.FlagRecord, found func(*davit.FlagRecord) bool) (*davit.FlagRecord, []*davit.FlagRecord, error) {
	var later []*davit.FlagRecord
	for before := from.Revision + 1; ; before = later[len(later)-1].Revision {
		records, err := book.History(ctx, from.Application, from.Flag.Key, before, page)
		if err != nil {
			return nil, nil, fmt.Errorf("reading the history of flag %s: %w", from.Flag.Key, err)
		}
		if len(records) == 0 {
			return nil, later, nil
		}
		for _, record := range records {
			if found(record) {
				return record, later, nil
			}
			later = append(later, record)
		}
	}
}

// Culprit tells of the first of some records, the newest first, that serves something
// else in an environment than base does; "" when the newest serves the same.
func Culprit(environment string, base *davit.FlagRecord, later []*davit.FlagRecord) string {
	left := Settings(base, environment)
	if len(later) == 0 || Same(Settings(later[0], environment), left) {
		return ""
	}
	for i := len(later) - 1; i >= 0; i-- {
		record := later[i]
		if now := Settings(record, environment); !Same(now, left) {
			what := "changed what the flag serves"
			if left.Enabled && !now.Enabled {
				what = "turned the flag off"
			}
			if record.Comment != "" {
				what += ": " + record.Comment
			}
			return record.Actor + " " + what
		}
	}
	return ""
}

// Settings returns what a record says in an environment: what an instruction would
// begin with, when it says nothing.
func Settings(record *davit.FlagRecord, environment string) davit.FlagSettings {
	s, there := record.Flag.Environments[environment]
	if there || record.Deleted {
		return s
	}
	begun, err := record.Flag.Instruct(davit.FlagInstruction{Kind: davit.TurnOff, Environment: environment})
	if err != nil { // it names an environment, and is known
		return s
	}
	return begun.Environments[environment]
}

// Return returns a flag that serves in an environment what settings from before said,
// but for whom a target or a rule names.
func Return(f davit.Flag, environment string, to davit.FlagSettings) (davit.Flag, error) {
	f, err := f.Instruct(davit.FlagInstruction{Kind: davit.TurnOff, Environment: environment})
	if err != nil {
		return f, err
	}
	settings := f.Environments[environment]
	settings.Enabled, settings.Default = to.Enabled, to.Default
	f.Environments[environment] = settings
	return f, nil
}

// Same reports whether settings give users the same, but for whom a target or a rule
// names.
func Same(a, b davit.FlagSettings) bool {
	return a.Enabled == b.Enabled && reflect.DeepEqual(a.Default, b.Default)
}
