package validation

import (
	"fmt"
	"maps"
	"slices"

	"github.com/davit-dev/davit"
)

// Suite is a choice of checks with their settings.
type Suite struct{ checks []chosen }

// chosen is a check as it is to run.
type chosen struct {
	Check
	examine    examine
	configured bool // it has parameters of its own
}

// New returns the suite that the parameters describe. It returns a *davit.Error
// for a check or category that does not exist, and for parameters that a check
// does not have.
func New(p davit.ValidationParams) (*Suite, error) {
	all := Checks()
	for _, name := range slices.Concat(p.Checks, p.Without) {
		if !slices.ContainsFunc(all, func(c Check) bool { return c.is(name) }) {
			return nil, unknown("check and no category", name)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(p.Settings)) {
		if !slices.ContainsFunc(all, func(c Check) bool { return c.ID == id }) {
			return nil, unknown("check", id)
		}
	}
	s := &Suite{}
	for _, c := range all {
		setting, configured := p.Settings[c.ID]
		// What is configured and left out is still looked at, to be right when it is
		// needed.
		bound, err := c.with(setting)
		if err != nil {
			return nil, &davit.Error{Code: davit.CodeInvalid, Message: err.Error(), Hint: "davit validate --list --output json shows the parameters of every check"}
		}
		bound.configured = configured && len(setting.With) > 0
		if (len(p.Checks) == 0 || slices.ContainsFunc(p.Checks, c.is)) && !slices.ContainsFunc(p.Without, c.is) {
			s.checks = append(s.checks, bound)
		}
	}
	return s, nil
}

// Verify returns what is wrong with the settings of a check, nil when nothing is.
func Verify(id string, setting davit.CheckSettings) error {
	_, err := New(davit.ValidationParams{Settings: map[string]davit.CheckSettings{id: setting}})
	return err
}

// VerifyName returns what is wrong with the name of a check or category.
func VerifyName(name string) error {
	_, err := New(davit.ValidationParams{Checks: []string{name}})
	return err
}

// is reports whether a name means the check: its ID or its category.
func (c *Check) is(name string) bool { return name == c.ID || name == string(c.Category) }

// with returns the check as a setting wants it.
func (c Check) with(setting davit.CheckSettings) (chosen, error) {
	bound := chosen{Check: c}
	switch setting.Severity {
	case "":
	case davit.Required, davit.Advisory:
		bound.Severity = setting.Severity
	default:
		return bound, fmt.Errorf("the severity of %s is %q, and can be required or advisory", c.ID, setting.Severity)
	}
	if setting.Timeout > 0 {
		bound.Timeout = setting.Timeout.D()
	}
	if setting.Retries != nil {
		bound.Retries = max(*setting.Retries, 0)
	}
	var err error
	bound.examine, err = c.bind(setting.With)
	return bound, err
}

func unknown(what, name string) error {
	return &davit.Error{
		Code:    davit.CodeInvalid,
		Message: fmt.Sprintf("there is no %s %q", what, name),
		Hint:    "davit validate --list prints them all",
	}
}
