package validation

import "github.com/davit-dev/davit"

// Listing is all checks, described.
type Listing struct {
	Checks []Description `json:"checks"`
}

// Description describes a check.
type Description struct {
	ID       string         `json:"id"`
	Category Category       `json:"category"`
	Severity davit.Severity `json:"severity"`
	Proves   string         `json:"proves"`
	Hint     string         `json:"hint"`
	Timeout  davit.Duration `json:"timeout"`
	Retries  int            `json:"retries"`
	Params   any            `json:"params,omitempty"` // with their defaults
}

// List describes all checks.
func List() Listing {
	var l Listing
	for _, c := range Checks() {
		l.Checks = append(l.Checks, Description{
			ID: c.ID, Category: c.Category, Severity: c.Severity, Proves: c.Proves, Hint: c.Hint,
			Timeout: davit.Duration(c.Timeout), Retries: c.Retries, Params: c.Params,
		})
	}
	return l
}
