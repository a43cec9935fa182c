package book

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/flag"
)

// application is the flags of one application. It never changes.
type application struct {
	said
	keys   []string         // of flags that are not deleted, in order
	views  map[string]*View // by environment
	latest View             // without a snapshot: of environments that nothing was said about
}

// said is what was said about an application's flags: records by key, of what is
// deleted too.
type said struct {
	records  map[string]*davit.FlagRecord
	segments map[string]*davit.SegmentRecord
}

// clone returns a copy to change.
func (s said) clone() said {
	out := said{map[string]*davit.FlagRecord{}, map[string]*davit.SegmentRecord{}}
	maps.Copy(out.records, s.records)
	maps.Copy(out.segments, s.segments)
	return out
}

// View is the flags of one environment as a change left them.
type View struct {
	*flag.Snapshot
	// Metadata is that of the flags that have any, by key, as JSON.
	Metadata map[string][]byte
	// Timed says that a flag asks for the time, so that it may answer otherwise
	// without a change.
	Timed bool
	// Sequence is that of the last change of the application's flags; 0 before the
	// first.
	Sequence  int64
	ChangedAt time.Time

	flags    []davit.Flag // with what they say in all environments that are known here
	segments []davit.Segment
	whole    document
	origin   origin
	copied   *copied // nil: this is the store's own
}

// compile returns an application with snapshots for those environments that its
// flags name, and for some more. It comes after another one.
func compile(before *application, s said, environments map[string]bool) (*application, error) {
	a := &application{said: s, views: map[string]*View{}}
	environments = maps.Clone(environments)
	segments := []davit.Segment{}
	for _, key := range slices.Sorted(maps.Keys(s.segments)) {
		r := s.segments[key]
		if r.Sequence > a.latest.Sequence {
			a.latest.Sequence, a.latest.ChangedAt = r.Sequence, r.At
		}
		if !r.Deleted {
			segments = append(segments, r.Segment)
		}
	}
	for key, r := range s.records {
		if r.Sequence > a.latest.Sequence {
			a.latest.Sequence, a.latest.ChangedAt = r.Sequence, r.At
		}
		if r.Deleted {
			continue
		}
		a.keys = append(a.keys, key)
		for name := range r.Flag.Environments {
			environments[name] = true
		}
	}
	slices.Sort(a.keys)
	flags := make([]davit.Flag, 0, len(a.keys))
	for _, key := range a.keys {
		flags = append(flags, s.records[key].Flag)
	}
	metadata, timed, err := extras(flags)
	if err != nil {
		return nil, err
	}
	environments[""] = true // what is wrong in none is found, and there is one for those not named
	for name := range environments {
		snapshot, err := following(before.views[name], name, flags, segments)
		if err != nil {
			return nil, err
		}
		a.views[name] = &View{Snapshot: snapshot, Metadata: metadata, Timed: timed, Sequence: a.latest.Sequence, ChangedAt: a.latest.ChangedAt, flags: flags, segments: segments}
	}
	return a, nil
}

// following compiles what comes after a view; nil for the first of an environment.
func following(before *View, environment string, flags []davit.Flag, segments []davit.Segment) (*flag.Snapshot, error) {
	if before == nil || before.Snapshot == nil {
		return flag.Compile(environment, flags, segments)
	}
	return before.Next(flags, segments)
}

// extras returns the metadata of flags as JSON, and whether any asks for the time:
// flagd's $flagd.timestamp.
func extras(flags []davit.Flag) (metadata map[string][]byte, timed bool, err error) {
	metadata = map[string][]byte{}
	for _, f := range flags {
		if told := flag.Told(f.Metadata); len(told) > 0 {
			if metadata[f.Key], err = json.Marshal(told); err != nil {
				return nil, false, fmt.Errorf("encoding the metadata of flag %s: %w", f.Key, err)
			}
		}
		for _, settings := range f.Environments {
			timed = timed || slices.ContainsFunc(settings.Rules, func(r davit.FlagRule) bool { return bytes.Contains(r.Advanced, []byte("timestamp")) })
		}
	}
	return metadata, timed, nil
}

// stamp gives the views the number of the change that was stored.
func (a *application) stamp(sequence int64, at time.Time) {
	for _, view := range a.views {
		view.Sequence, view.ChangedAt = sequence, at
	}
}

// comesFrom says of the views where they are from.
func (a *application) comesFrom(o origin) {
	for _, view := range a.views {
		view.origin = o
	}
}

// environments returns the environments of an application that have access keys.
func (s *state) environments(application string) map[string]bool {
	names := map[string]bool{}
	for _, g := range s.grants {
		if g.Application == application {
			names[g.Environment] = true
		}
	}
	return names
}

// application returns the flags of an application; none when nothing was said about
// any.
func (s *state) application(name string) *application {
	if a := s.applications[name]; a != nil {
		return a
	}
	return &application{views: map[string]*View{"": {}}}
}

// Sequence returns the number of the last change of an application's flags or segments;
// 0 before the first.
func (b *Book) Sequence(application string) int64 {
	return b.state.Load().application(application).latest.Sequence
}

// Flag returns a flag; a *davit.Error of CodeNotFound when there is none. It is
// shared, and not to be changed.
func (b *Book) Flag(application, key string) (*davit.FlagRecord, error) {
	if a := b.state.Load().applications[application]; a != nil {
		if r := a.records[key]; r != nil && !r.Deleted {
			return r, nil
		}
	}
	return nil, notFound(application, key)
}

// Flags lists flags with keys after a given one, by key, limit at most. They are
// shared, and not to be changed.
func (b *Book) Flags(application, after string, limit int) []*davit.FlagRecord {
	a := b.state.Load().applications[application]
	if a == nil {
		return nil
	}
	at, found := slices.BinarySearch(a.keys, after)
	if found {
		at++
	}
	keys := a.keys[at:min(at+limit, len(a.keys))]
	list := make([]*davit.FlagRecord, 0, len(keys))
	for _, key := range keys {
		list = append(list, a.records[key])
	}
	return list
}

func notFound(application, key string) error {
	return &davit.Error{
		Code: davit.CodeNotFound, Message: "there is no flag " + key + " in " + application,
		Hint: "davit flag list tells which there are",
	}
}
