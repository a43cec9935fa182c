package validate

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davit-dev/davit/infra/validate/bicep"
)

// declared is what one of the two languages declares: properties by resource.
// Both call a resource by the type that Azure has for it, the module that it is
// in, and its name.
type declared map[string]resourceSaid

type resourceSaid struct {
	place      string // in that language's words
	properties map[string]string
}

// add takes note of a resource, and whether it is the first of its name.
func (d declared) add(t *testing.T, key, place string, properties map[string]string) {
	t.Helper()
	if other, ok := d[key]; ok {
		t.Errorf("%s and %s are both %s", other.place, place, key)
	}
	d[key] = resourceSaid{place, properties}
}

// compare says in sentences where two languages differ.
func compare(terraform, bicep declared) []string {
	var said []string
	for _, key := range slices.Sorted(maps.Keys(terraform)) {
		tf := terraform[key]
		b, ok := bicep[key]
		if !ok {
			said = append(said, fmt.Sprintf("%s is declared by Terraform (%s) and not by Bicep", key, tf.place))
			continue
		}
		for _, property := range slices.Sorted(maps.Keys(tf.properties)) {
			if x, y := tf.properties[property], b.properties[property]; x != y {
				said = append(said, fmt.Sprintf("%s: %s is %s in Terraform (%s) and %s in Bicep (%s)", key, property, x, tf.place, y, b.place))
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(bicep)) {
		if _, ok := terraform[key]; !ok {
			said = append(said, fmt.Sprintf("%s is declared by Bicep (%s) and not by Terraform", key, bicep[key].place))
		}
	}
	return said
}

// Both languages say the same of what they made: an output has one name, written as
// each language writes names.
func TestOutputsAreTheSame(t *testing.T) {
	said := func(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }
	terraform, bicep := map[string]bool{}, map[string]bool{}
	for name := range plan(t, "production").Outputs {
		terraform[said(name)] = true
	}
	for name := range deployment(t, "production").Outputs {
		bicep[said(name)] = true
	}
	if !maps.Equal(terraform, bicep) || !terraform["prometheusqueryendpoint"] {
		t.Errorf("Terraform has the outputs %q, and Bicep %q", slices.Sorted(maps.Keys(terraform)), slices.Sorted(maps.Keys(bicep)))
	}
}

// Both languages declare the same resources, with the same properties of those
// that count, in both environments.
func TestParity(t *testing.T) {
	for _, environment := range []string{"staging", "production"} {
		terraform, bicep := ofTerraform(t, plan(t, environment)), ofBicep(t, deployment(t, environment))
		if len(terraform) < 100 {
			t.Errorf("%s: %d resources compared", environment, len(terraform))
		}
		for _, difference := range compare(terraform, bicep) {
			t.Errorf("%s: %s", environment, difference)
		}
	}
}

func find(d *bicep.Deployment, module, symbol string) *bicep.Instance {
	return d.Resources[slices.IndexFunc(d.Resources, func(r *bicep.Instance) bool { return r.Module == module && r.Symbol == symbol })]
}

func properties(d *bicep.Deployment, module, symbol string) map[string]any {
	return find(d, module, symbol).Body["properties"].(map[string]any)
}

// deployment is what infra/bicep asks for in an environment, with the given values
// instead of those of its file: a parameter's name, its value, and so on.
func deployment(t *testing.T, environment string, given ...string) *bicep.Deployment {
	t.Helper()
	d, err := deploymentIn(filepath.Join(infra, "bicep"), environment, given...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// deploymentIn is what the files in a folder ask for.
func deploymentIn(folder, environment string, given ...string) (*bicep.Deployment, error) {
	program, err := bicep.Load(filepath.Join(folder, "main.bicep"))
	if err != nil {
		return nil, err
	}
	parameters, err := bicep.ParseFile(filepath.Join(folder, environment+".bicepparam"))
	if err != nil {
		return nil, err
	}
	for i := 0; i+1 < len(given); i += 2 {
		other, err := bicep.Parse("given.bicepparam", "using 'main.bicep'\nparam "+given[i]+" = "+given[i+1])
		if err != nil {
			return nil, err
		}
		parameters.Assignments = append(slices.DeleteFunc(parameters.Assignments, func(a *bicep.Assignment) bool { return a.Name == given[i] }), other.Assignments...)
	}
	return program.Evaluate(parameters)
}
