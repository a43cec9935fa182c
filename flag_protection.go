package davit

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// FlagProtection says that what flags serve in an environment changes only when
// others than its author approve, but for turning a flag off. A protection itself
// is changed and removed in the same way; anybody may protect what is not.
type FlagProtection struct {
	Application string         `json:"application"`
	Environment string         `json:"environment"`
	Approval    ApprovalParams `json:"approval"`
	// Revision numbers the changes of the protection from 1, over a removal too.
	Revision int64     `json:"revision"`
	At       time.Time `json:"at"`
	Actor    string    `json:"actor"`
	Comment  string    `json:"comment,omitempty"`
	Removed  bool      `json:"removed,omitempty"`
}

// Bounds on protections.
const (
	protectionCountMost  = 100
	protectionByMost     = 100
	protectionWithinMost = 90 * 24 * time.Hour
)

// Check says by an *Error of CodeInvalid what is wrong with a protection: a
// proposal waits for some time, for people that there are, and never for its author.
func (p *FlagProtection) Check() error {
	invalid := func(hint, format string, args ...any) error {
		return &Error{Code: CodeInvalid, Message: p.Environment + " cannot be protected so: " + fmt.Sprintf(format, args...), Hint: hint}
	}
	a := p.Approval
	for _, by := range a.By {
		if !by.valid() {
			return invalid("write user anna, uid 1000, token ci or token release-*", "%q does not say who may approve", by)
		}
	}
	switch {
	case a.Author || len(a.Not) > 0:
		return invalid("", "another than the author has to approve")
	case len(a.By) > protectionByMost:
		return invalid("", "it names %d who may approve, and may name %d", len(a.By), protectionByMost)
	case a.Count < 1 || a.Count > protectionCountMost:
		return invalid("", "%d have to approve, and it takes 1 to %d", a.Count, protectionCountMost)
	case a.Within.D() < time.Second || a.Within.D() > protectionWithinMost:
		return invalid("", "a proposal would wait %s, and waits from 1s to %s", a.Within, Duration(protectionWithinMost))
	case !a.Possible(""):
		return invalid("name more of them, or set a lower count", "%d have to approve, and %d may", a.Count, len(a.By))
	}
	return nil
}

// LackedBy says what the protection asks for beyond the approvals that a rollout was
// given, at whichever stage; "" when it has enough.
func (p *FlagProtection) LackedBy(r *Rollout) string {
	given := make([]string, 0, len(r.Approvals))
	for _, a := range r.Approvals {
		given = append(given, a.Actor)
	}
	return p.lacks(r.Actor, nil, given)
}

// lacks counts the people who have approved what author asks for, and may.
func (p *FlagProtection) lacks(author string, not, given []string) string {
	params := p.Approval
	params.Not = not
	given = slices.DeleteFunc(given, func(actor string) bool { return params.Refuses(actor, author) != "" })
	slices.Sort(given)
	if len(slices.Compact(given)) >= params.Count {
		return ""
	}
	return p.Environment + " is protected, and takes to be " + params.says()
}

// valid reports whether it says who may approve: as davit.yaml has it.
func (a Approver) valid() bool {
	const most = 100 // bytes
	kind, name, _ := strings.Cut(string(a), " ")
	name, open := strings.CutSuffix(name, "*")
	odd := strings.ContainsFunc(name, func(r rune) bool {
		return !strings.ContainsRune("._@-", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	return slices.Contains([]string{"user", "uid", "token"}, kind) && (name != "" || open) && !odd && len(a) <= most
}

// served is what a flag says in one environment, as far as applications can tell.
type served struct {
	Type       FlagType
	Salt       string
	ClientSide bool
	Variants   []FlagVariant
	Metadata   map[string]any
	Settings   FlagSettings
}

// ServesAs reports whether applications in an environment cannot tell the flag from
// another state of it; and if they can, whether all that was done is to turn it off
// there: the kill switch. The zero flag is one that there is not, and a flag that
// says nothing about the environment is none there.
func (f Flag) ServesAs(after Flag, environment string) (same, killed bool, err error) {
	was, before := f.servedIn(environment)
	is, there := after.servedIn(environment)
	if !before && !there {
		return true, false, nil
	}
	if before == there {
		if same, err = equal(was, is); same || err != nil {
			return same, false, err
		}
	}
	if !was.Settings.Enabled || is.Settings.Enabled {
		return false, false, nil
	}
	was.Settings.Enabled = false
	killed, err = equal(was, is)
	return false, killed && before && there, err
}

// servedIn returns what a flag says in an environment; none when it says nothing.
func (f Flag) servedIn(environment string) (s served, there bool) {
	settings, there := f.Environments[environment]
	if !there {
		return s, false
	}
	s = served{Type: f.Type, Salt: f.Salt, ClientSide: f.ClientSide, Metadata: f.Metadata, Settings: settings}
	for _, v := range f.Variants {
		v.Description = ""
		s.Variants = append(s.Variants, v)
	}
	return s, true
}

// equal compares JSON.
func equal(a, b served) (bool, error) {
	list, err := difference(a, b)
	return len(list) == 0, err
}
