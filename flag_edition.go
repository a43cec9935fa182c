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
	// Revision is the Sequence of the last change of the application's flags.
	Revision  int64     `json:"revision"`
	ChangedAt time.Time `json:"changedAt"`
	Flags     []Flag    `json:"flags"`
	Segments  []Segment `json:"segments,omitempty"`
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
