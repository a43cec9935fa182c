package book

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/davit-dev/davit"
)

// document is a view as JSON, written when it is first asked for.
type document struct {
	once sync.Once
	doc  []byte
	tag  string
	err  error
}

// Document returns what the flags of the view say as JSON of a davit.FlagSnapshot,
// and its entity tag. The view is of the application. The JSON is shared, and not
// to be changed.
func (v *View) Document(application string) (doc []byte, tag string, err error) {
	d := &v.whole
	d.once.Do(func() {
		s := v.snapshot(application, v.Environment())
		s.Flags = make([]davit.Flag, 0, len(v.flags))
		for _, f := range v.flags {
			s.Flags = append(s.Flags, f.In(s.Environment))
		}
		if d.doc, d.err = json.Marshal(s); d.err != nil {
			d.err = fmt.Errorf("encoding the flags of %s: %w", application, d.err)
		}
		sum := sha256.Sum256(d.doc)
		d.tag = `"` + base64.RawURLEncoding.EncodeToString(sum[:18]) + `"`
	})
	return d.doc, d.tag, d.err
}

// snapshot returns what the view says as of an application and an environment. Its
// flags are shared, and tell about all environments that are known here.
func (v *View) snapshot(application, environment string) davit.FlagSnapshot {
	return davit.FlagSnapshot{
		Application: application, Environment: environment, Origin: v.origin.name, RestoredAt: v.origin.restored,
		Revision: v.Sequence, ChangedAt: v.ChangedAt, Flags: v.flags, Segments: v.segments,
	}
}
