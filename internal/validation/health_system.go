package validation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/davit-dev/davit"
)

// statusParams say where in a document of JSON a state is told, and by which
// words it is a good one.
type statusParams struct {
	Path    string   `json:"path"`
	Fields  []string `json:"fields"`  // JSONPaths; the first that selects something counts
	Healthy []string `json:"healthy"` // in any case
}

func (p *statusParams) check() error {
	if len(p.Fields) == 0 || len(p.Healthy) == 0 {
		return errors.New("fields and healthy cannot be empty")
	}
	for _, f := range p.Fields {
		if _, err := parsePath(f); err != nil {
			return err
		}
	}
	return checkPath(p.Path)
}

// healthy reports whether a value of the document says that all is well.
func (p *statusParams) healthy(value any) bool {
	if b, ok := value.(bool); ok {
		return b
	}
	return slices.ContainsFunc(p.Healthy, func(w string) bool { return strings.EqualFold(w, fmt.Sprint(value)) })
}

var healthyWords = []string{"ok", "pass", "up", "healthy", "ready", "true"}

// healthSystem reads what the application says of itself as a whole.
func healthSystem() []Check {
	return []Check{define(Check{
		ID: "health.system", Category: Health, Severity: davit.Required,
		Proves: "the application says of itself that all of it is well",
		Hint:   "the evidence shows what it says; set where it says it with: {path: …, fields: [$.status]}",
	}, statusParams{"/healthz", []string{"$.status"}, healthyWords}, reported)}
}

// dependenciesReported reads what the application says of what it needs.
func dependenciesReported() []Check {
	return []Check{define(Check{
		ID: "dependencies.reported", Category: Dependencies, Severity: davit.Required,
		Proves: "database, cache, queue and what else it needs are well, as the application sees them",
		Hint:   "the evidence shows which is not; set where it tells them with: {path: …, fields: […]}",
	}, statusParams{"/healthz", []string{
		"$.dependencies[*].status", // by name or as a list
		"$.checks[*][*].status",    // the form of draft-inadarei-api-health-check
		"$.components[*].status",   // the form of Spring Boot
	}, healthyWords}, reported)}
}

func reported(ctx context.Context, x *exam, p statusParams) error {
	a, err := x.get(ctx, x.front(), p.Path)
	if err != nil {
		return err
	}
	if absent(a) && !x.configured {
		return skip("nothing answers at %s; name the path with: {path: …}", p.Path)
	}
	doc, err := a.json()
	if err != nil && !x.configured {
		return skip("%s tells no JSON", p.Path)
	}
	if err != nil {
		x.expect(false, a.asked, a.String(), "a body of JSON")
		return nil
	}
	for _, f := range p.Fields {
		path, err := parsePath(f)
		if err != nil {
			return err
		}
		nodes := path.Locate(doc, 0)
		for _, at := range nodes {
			value := at.First(doc)
			x.expect(p.healthy(value), a.asked, fmt.Sprintf("%s is %s", at, valueText(value)), strings.Join(p.Healthy, ", "))
		}
		if len(nodes) > 0 {
			return nil
		}
	}
	if x.configured {
		x.expect(false, a.asked, a.String(), "one of "+strings.Join(p.Fields, ", "))
		return nil
	}
	return skip("%s has nothing under %s", p.Path, strings.Join(p.Fields, ", "))
}
