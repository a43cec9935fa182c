package release

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/release/git"
)

// Overrides are corrected messages by the hash of the commit, which may be
// abbreviated to 7 digits.
type Overrides map[string]string

// maxOverridesBytes bounds the file of corrected messages.
const maxOverridesBytes = 1 << 20

var overrideHash = expression(`^[0-9a-f]{7,64}$`)

// LoadOverrides reads a YAML file of messages by hash; a missing file is none.
func LoadOverrides(file string) (Overrides, error) {
	src, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the corrected messages: %w", err)
	}
	var o Overrides
	err = yaml.UnmarshalWithOptions(src, &o, yaml.Strict())
	if len(src) > maxOverridesBytes || err != nil {
		return nil, &davit.Error{Code: davit.CodeInvalid, Message: file + " is no map of messages by hash", Hint: "write each as  \"0123abc\": \"fix: what it really did\"", Err: err}
	}
	before := ""
	for _, hash := range slices.Sorted(maps.Keys(o)) {
		if before != "" && strings.HasPrefix(hash, before) {
			return nil, &davit.Error{Code: davit.CodeInvalid, Message: fmt.Sprintf("%s: %q and %q may be the same commit", file, before, hash), Hint: "keep one of them, or write more digits"}
		}
		before = hash
		if !overrideHash().MatchString(hash) {
			return nil, &davit.Error{Code: davit.CodeInvalid, Message: fmt.Sprintf("%s: %q is no hash", file, hash), Hint: "use 7 to 64 hexadecimal digits, in quotes"}
		}
	}
	return o, nil
}

// check refuses a hash that is short enough to be that of two commits.
func (o Overrides) check(packages []*PackagePlan) error {
	for short := range o {
		found := ""
		for _, p := range packages {
			for i := range p.commits {
				hash := p.commits[i].hash
				switch {
				case !strings.HasPrefix(hash, short) || hash == found:
				case found != "":
					return &davit.Error{Code: davit.CodeInvalid, Message: fmt.Sprintf("the corrected message of %q may be that of %s and of %s", short, found, hash), Hint: "write more digits of the hash"}
				default:
					found = hash
				}
			}
		}
	}
	return nil
}

// message returns the commit's message, corrected when it was.
func (o Overrides) message(c git.Commit) string {
	if len(o) == 0 {
		return c.Message
	}
	for hash, message := range o {
		if strings.HasPrefix(c.Hash, hash) {
			return message
		}
	}
	return c.Message
}
