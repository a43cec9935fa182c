package book

import (
	"maps"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
)

// Editions returns what there is for other servers to evaluate: the flags of every
// environment that says something about them or has access keys, with those keys
// that have not expired. They are without a number; their flags are shared, not to
// be changed, and tell about other environments too.
func (b *Book) Editions() []davit.FlagEdition {
	s := b.state.Load()
	places := map[[2]string]bool{}
	for name, a := range s.applications {
		for environment := range a.views {
			places[[2]string{name, environment}] = environment != ""
		}
	}
	keys := map[[2]string][]davit.AccessKey{}
	for _, g := range s.grants {
		place := [2]string{g.Application, g.Environment}
		places[place] = true
		if key := g.AccessKey; !key.Expired(b.now()) {
			keys[place] = append(keys[place], stripped(key))
		}
	}
	editions := make([]davit.FlagEdition, 0, len(places))
	for place := range maps.Keys(places) {
		if !places[place] {
			continue
		}
		slices.SortFunc(keys[place], func(a, b davit.AccessKey) int { return strings.Compare(a.ID, b.ID) })
		snapshot := b.View(place[0], place[1]).snapshot(place[0], place[1])
		snapshot.Origin, snapshot.RestoredAt = b.origin.name, b.origin.restored // of an environment with keys alone, too
		editions = append(editions, davit.FlagEdition{Keys: keys[place], Snapshot: snapshot})
	}
	return editions
}

// stripped returns a key without what it takes no part of to check it.
func stripped(key davit.AccessKey) davit.AccessKey {
	return davit.AccessKey{
		ID: key.ID, Application: key.Application, Environment: key.Environment, Kind: key.Kind, Digest: key.Digest,
		CreatedAt: key.CreatedAt, ExpiresAt: key.ExpiresAt,
	}
}
