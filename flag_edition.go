package davit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// FlagSnapshot is what the flags of an application say in one environment: all
// that it takes to evaluate them elsewhere.
type FlagSnapshot struct {
	Application string `json:"application"`
	Environment string `json:"environment"`
	// Origin names the installation whose flags these are, as the key of its audit
	// log does: one store, however many servers share it.
	Origin string `json:"origin,omitempty"`
	// RestoredAt is when that store was last put back from a backup, after which it
	// counts anew; zero when it never was.
	RestoredAt time.Time `json:"restoredAt,omitzero"`
	// Revision is the Sequence of the last change of the application's flags.
	Revision  int64     `json:"revision"`
	ChangedAt time.Time `json:"changedAt"`
	Flags     []Flag    `json:"flags"`
	Segments  []Segment `json:"segments,omitempty"`
}

// Before reports whether a snapshot is what the flags of another said earlier. It is
// for who hears of them on several ways, of which one may be behind.
//
// Of one origin revisions rise, but for a backup that is put back. A snapshot from
// after that is the later one, whatever its revision; and where nobody noted that it
// was (a file that was copied), what is changed from then on is later by its time.
// Snapshots of two origins, or of two environments, are not before each other: who is
// told of another store was sent there.
func (s *FlagSnapshot) Before(other *FlagSnapshot) bool {
	switch {
	case s.Origin != other.Origin || s.Application != other.Application || s.Environment != other.Environment:
		return false
	case !s.RestoredAt.Equal(other.RestoredAt):
		return s.RestoredAt.Before(other.RestoredAt)
	}
	return s.Revision < other.Revision && !s.ChangedAt.After(other.ChangedAt)
}

// FlagEdition is a snapshot with the access keys that read it, as one server hands
// it to others. Its number is higher than that of any edition of the environment
// that was handed out before; it tells nothing else.
type FlagEdition struct {
	Number   int64        `json:"number"`
	Snapshot FlagSnapshot `json:"snapshot"`
	Keys     []AccessKey  `json:"keys"`
}

// In returns the flag with what it says in one environment alone.
func (f Flag) In(environment string) Flag {
	settings, there := f.Environments[environment]
	f.Environments = nil
	if there {
		f.Environments = map[string]FlagSettings{environment: settings}
	}
	return f
}

// editionMark begins an edition as bytes: what it is, and the version of its form.
const editionMark = "davit-flags-1 "

// Encode returns the edition as bytes that tell when they are damaged: a line with
// the digest of what follows, and JSON.
func (e FlagEdition) Encode() ([]byte, error) {
	doc, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encoding the flags of %s in %s: %w", e.Snapshot.Application, e.Snapshot.Environment, err)
	}
	sum := sha256.Sum256(doc)
	out := make([]byte, 0, len(editionMark)+2*len(sum)+1+len(doc))
	out = hex.AppendEncode(append(out, editionMark...), sum[:])
	return append(append(out, '\n'), doc...), nil
}

// DecodeFlagEdition reads what Encode returned. It refuses anything else.
func DecodeFlagEdition(text []byte) (e FlagEdition, err error) {
	head, doc, _ := bytes.Cut(text, []byte("\n"))
	sum, marked := bytes.CutPrefix(head, []byte(editionMark))
	if !marked {
		return e, errors.New("these are no flags as a server of this version hands them out")
	}
	if is := sha256.Sum256(doc); hex.EncodeToString(is[:]) != string(sum) {
		return e, errors.New("the flags are damaged: their digest is another")
	}
	if err := json.Unmarshal(doc, &e); err != nil {
		return e, fmt.Errorf("reading flags: %w", err)
	}
	return e, nil
}
