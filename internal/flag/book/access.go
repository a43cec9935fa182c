package book

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/davit-dev/davit"
)

// keyPrefix begins all access keys, so that one that was leaked is found.
const keyPrefix = "davit_"

type digest = [sha256.Size]byte

// Grant is what an access key allows.
type Grant struct {
	davit.AccessKey
	used atomic.Int64 // Unix time of the last use in minutes
}

// grant adds an access key to a state that nobody reads yet.
func (s *state) grant(key *davit.AccessKey) error {
	var d digest
	if n, err := hex.Decode(d[:], []byte(key.Digest)); err != nil || n != len(d) {
		return fmt.Errorf("the digest of access key %s is damaged", key.ID)
	}
	g := &Grant{AccessKey: *key}
	if old := s.grants[d]; old != nil {
		g.used.Store(old.used.Load())
	}
	s.grants[d] = g
	return nil
}

// Keys lists the access keys of an application, oldest first, without digests.
func (b *Book) Keys(application string) []davit.AccessKey {
	list := []davit.AccessKey{}
	for _, g := range b.state.Load().grants {
		if g.Application != application {
			continue
		}
		key := g.AccessKey
		key.Digest = ""
		if used := time.Unix(g.used.Load()*60, 0).UTC(); used.After(key.LastUsedAt) && g.used.Load() > 0 {
			key.LastUsedAt = used
		}
		list = append(list, key)
	}
	slices.SortFunc(list, func(a, b davit.AccessKey) int {
		if c := a.CreatedAt.Compare(b.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list
}

// CreateKey makes an access key out of what is said about one, and returns it with
// its text, which nobody can tell afterwards. It is for ever when lifetime is 0.
func (b *Book) CreateKey(ctx context.Context, actor string, key davit.AccessKey, lifetime time.Duration) (made davit.AccessKey, text string, err error) {
	b.change.Lock()
	defer b.change.Unlock()
	if !key.Kind.Known() || key.Application == "" || key.Environment == "" || key.Name == "" {
		return made, "", &davit.Error{Code: davit.CodeInvalid, Message: "an access key needs an application, an environment, a name and a kind: server, client, read-only or admin"}
	}
	if lifetime < 0 {
		return made, "", &davit.Error{
			Code: davit.CodeInvalid, Message: fmt.Sprintf("an access key cannot be taken for %s, which is less than no time", lifetime),
			Hint: "say how long it is to be taken, such as 2160h; 0 is for ever",
		}
	}
	text = b.mint(actor, &key)
	if lifetime > 0 {
		key.ExpiresAt = key.CreatedAt.Add(lifetime)
	}
	made, err = b.storeKeys(ctx, actor, "key.create", "", &key)
	return made, text, err
}

// RotateKey makes another access key for who has one, and lets the old one expire
// after the overlap.
func (b *Book) RotateKey(ctx context.Context, actor, application, id string, overlap time.Duration) (made davit.AccessKey, text string, err error) {
	b.change.Lock()
	defer b.change.Unlock()
	if overlap < 0 {
		return made, "", &davit.Error{
			Code: davit.CodeInvalid, Message: fmt.Sprintf("the old key cannot go on for %s, which is less than no time", overlap),
			Hint: "say how long it is still to be taken, such as 24h; 0 ends it at once",
		}
	}
	old, err := b.key(application, id)
	if err != nil {
		return made, "", err
	}
	key := old
	if !old.ExpiresAt.IsZero() { // it is for as long as the old one was
		key.ExpiresAt = b.now().UTC().Add(old.ExpiresAt.Sub(old.CreatedAt))
	}
	text = b.mint(actor, &key)
	if end := key.CreatedAt.Add(overlap); old.ExpiresAt.IsZero() || end.Before(old.ExpiresAt) {
		old.ExpiresAt = end
	}
	made, err = b.storeKeys(ctx, actor, "key.rotate", "in place of "+old.ID, &key, &old)
	return made, text, err
}

// RevokeKey lets an access key expire at once.
func (b *Book) RevokeKey(ctx context.Context, actor, application, id, reason string) (davit.AccessKey, error) {
	b.change.Lock()
	defer b.change.Unlock()
	key, err := b.key(application, id)
	if err != nil {
		return key, err
	}
	key.ExpiresAt = b.now().UTC()
	return b.storeKeys(ctx, actor, "key.revoke", reason, &key)
}

// key returns an access key that has not expired.
func (b *Book) key(application, id string) (davit.AccessKey, error) {
	for _, g := range b.state.Load().grants {
		if g.ID == id && g.Application == application && !g.Expired(b.now()) {
			return g.AccessKey, nil
		}
	}
	return davit.AccessKey{}, &davit.Error{
		Code: davit.CodeNotFound, Message: "there is no access key " + id + " in " + application + " that is valid",
		Hint: "davit flag key list tells which there are",
	}
}

// mint gives a key an ID, a digest and its beginning, and returns its text.
func (b *Book) mint(actor string, key *davit.AccessKey) (text string) {
	key.ID = strings.ToLower(rand.Text()[:10])
	text = keyPrefix + string(key.Kind) + "_" + rand.Text()
	key.Digest = fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
	key.CreatedAt, key.CreatedBy, key.LastUsedAt = b.now().UTC(), actor, time.Time{}
	return text
}

// storeKeys stores keys with an audit entry about the first, and takes them into
// the state. It returns the first, without its digest.
func (b *Book) storeKeys(ctx context.Context, actor, action, reason string, keys ...*davit.AccessKey) (davit.AccessKey, error) {
	key := *keys[0]
	key.Digest = ""
	after, err := json.Marshal(key)
	if err != nil {
		return key, fmt.Errorf("encoding access key %s: %w", key.ID, err)
	}
	entry := davit.AuditEntry{
		At: b.now().UTC(), Actor: actor, Action: action, Application: key.Application, Environment: key.Environment, Reason: reason, After: after,
	}
	if err := b.store.CommitAccessKeys(context.WithoutCancel(ctx), entry, keys...); err != nil {
		return key, err
	}
	b.swap(func(s *state) {
		for _, key := range keys {
			err = s.grant(key)
		}
	})
	return key, err
}

// KeyUse is when an access key was last used, to the minute.
type KeyUse struct {
	Application, Environment, ID string
	At                           time.Time
}

// KeyUses tells of the access keys that were used here since they are known.
func (s *shelf) KeyUses() []KeyUse {
	var uses []KeyUse
	for _, g := range s.state.Load().grants {
		if minute := g.used.Load(); minute > 0 {
			uses = append(uses, KeyUse{g.Application, g.Environment, g.ID, time.Unix(minute*60, 0).UTC()})
		}
	}
	return uses
}

// KeyUsed notes that an access key was used somewhere else, unless it is known to have
// been used later.
func (b *Book) KeyUsed(u KeyUse) {
	for _, g := range b.state.Load().grants {
		if g.ID == u.ID && g.Application == u.Application && g.Environment == u.Environment {
			g.note(u.At.Unix() / 60)
		}
	}
}

// note notes a use, unless there was a later one.
func (g *Grant) note(minute int64) {
	for was := g.used.Load(); was < minute && !g.used.CompareAndSwap(was, minute); {
		was = g.used.Load()
	}
}

// touchEvery is how often the use of keys is noted in the store.
const touchEvery = 5 * time.Minute

// Run notes in the store when keys were last used, until ctx ends. What cannot be
// noted is told to failed, and tried again.
func (b *Book) Run(ctx context.Context, failed func(error)) error {
	noted := map[string]int64{}
	ticker := time.NewTicker(touchEvery)
	defer ticker.Stop()
	for {
		ended := false
		select {
		case <-ticker.C:
		case <-ctx.Done():
			ended = true
		}
		if err := b.touch(context.WithoutCancel(ctx), noted); err != nil {
			failed(err)
		}
		if ended {
			return nil
		}
	}
}

// touch notes the uses that were not noted yet.
func (b *Book) touch(ctx context.Context, noted map[string]int64) error {
	used, minutes := map[string]time.Time{}, map[string]int64{}
	for _, g := range b.state.Load().grants {
		if minute := g.used.Load(); minute > noted[g.ID] {
			used[g.ID], minutes[g.ID] = time.Unix(minute*60, 0).UTC(), minute
		}
	}
	if len(used) == 0 {
		return nil
	}
	if err := b.store.TouchAccessKeys(ctx, used); err != nil {
		return err
	}
	maps.Copy(noted, minutes)
	return nil
}
