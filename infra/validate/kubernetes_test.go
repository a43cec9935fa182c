package validate

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/yannh/kubeconform/pkg/validator"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// The add-ons, and Davit itself, are built by kustomize and checked by kubeconform,
// strictly.
func TestManifests(t *testing.T) {
	schemas := writeSchemas(t)
	for name, kinds := range map[string][]string{
		"kubernetes/gateway":                    {"Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Deployment", "Service", "PodDisruptionBudget", "GatewayClass", "Gateway"},
		"kubernetes/davit":                      {"Namespace", "ServiceAccount", "Role", "RoleBinding", "StatefulSet", "Service", "NetworkPolicy", "PodDisruptionBudget", "SecretProviderClass"},
		"kubernetes/metrics":                    {"ConfigMap"},
		"../deploy/kubernetes/base":             {"ServiceAccount", "Role", "RoleBinding", "StatefulSet", "Service", "NetworkPolicy", "PodDisruptionBudget"},
		"../deploy/kubernetes/overlays/example": {"StatefulSet"},
	} {
		t.Run(name, func(t *testing.T) {
			built := build(t, filepath.Join(infra, filepath.FromSlash(name)))
			if problems := conform(t, schemas, built); len(problems) > 0 {
				t.Errorf("%s", strings.Join(problems, "\n"))
			}
			for _, kind := range kinds {
				if !strings.Contains(built, "\nkind: "+kind+"\n") {
					t.Errorf("there is no %s", kind)
				}
			}
		})
	}
}

func TestManifestsCanFail(t *testing.T) {
	schemas := writeSchemas(t)
	built := build(t, filepath.Join(infra, "kubernetes", "gateway"))
	for old, wrong := range map[string]string{
		"replicas: 3":                "replicas: three",
		"gatewayClassName: traefik":  "gatewayClass: traefik",
		"readOnlyRootFilesystem":     "readonlyRootFilesystem",
		"kind: PodDisruptionBudget":  "kind: PodDisruption",
		"externalTrafficPolicy: Loc": "externalTrafficPolice: Loc",
	} {
		broken := strings.Replace(built, old, wrong, 1)
		if broken == built || len(conform(t, schemas, broken)) == 0 {
			t.Errorf("with %q for %q nothing is wrong", wrong, old)
		}
	}
}

// build returns what kustomize makes of a folder.
func build(t *testing.T, folder string) string {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		t.Fatal(err)
	}
	out, err := resources.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return "\n" + string(out)
}

// conform returns what kubeconform finds wrong.
func conform(t *testing.T, schemas, manifests string) []string {
	t.Helper()
	v, err := validator.New([]string{filepath.Join(schemas, "{{.Group}}_{{.ResourceAPIVersion}}_{{.ResourceKind}}.json")}, validator.Opts{Strict: true, KubernetesVersion: "master"})
	if err != nil {
		t.Fatal(err)
	}
	var problems []string
	for _, result := range v.Validate("manifests", io.NopCloser(strings.NewReader(manifests))) {
		if result.Status != validator.Valid && result.Status != validator.Empty {
			signature, _ := result.Resource.Signature()
			problems = append(problems, signature.QualifiedName()+": "+result.Err.Error())
		}
	}
	return problems
}

// writeSchemas writes a schema of every kind, from the OpenAPI document of
// Kubernetes, the Gateway API's CRDs and testdata, and returns the folder.
func writeSchemas(t *testing.T) string {
	t.Helper()
	dir, from := t.TempDir(), tools.schemas
	put := func(group, version, kind string, schema any) {
		data, err := json.Marshal(schema)
		if err != nil {
			t.Fatal(err)
		}
		if group == "" {
			group = version // as kubeconform has it
		}
		name := group + "_" + version + "_" + strings.ToLower(kind) + ".json"
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}

	var api struct {
		Definitions map[string]map[string]any `json:"definitions"`
	}
	parse(t, filepath.Join(from, "swagger.json"), &api)
	for _, definition := range api.Definitions {
		closed(definition)
	}
	for name, definition := range api.Definitions {
		kinds, _ := definition["x-kubernetes-group-version-kind"].([]any)
		if len(kinds) != 1 {
			continue // what has several is not declared in manifests
		}
		is := kinds[0].(map[string]any)
		needed := map[string]any{}
		gather(api.Definitions, name, needed)
		put(is["group"].(string), is["version"].(string), is["kind"].(string), map[string]any{"$ref": "#/definitions/" + name, "definitions": needed})
	}

	crds, err := filepath.Glob(filepath.Join(from, "*.yaml"))
	if err != nil || len(crds) == 0 {
		t.Fatalf("no CRDs in %s: %v", from, err)
	}
	for _, file := range crds {
		var crd struct {
			Spec struct {
				Group    string
				Names    struct{ Kind string }
				Versions []struct {
					Name   string
					Schema struct{ OpenAPIV3Schema map[string]any }
				}
			}
		}
		parse(t, file, &crd)
		for _, v := range crd.Spec.Versions {
			closed(v.Schema.OpenAPIV3Schema)
			put(crd.Spec.Group, v.Name, crd.Spec.Names.Kind, v.Schema.OpenAPIV3Schema)
		}
	}

	var class any
	parse(t, filepath.Join("testdata", "schemas", "secretproviderclass.json"), &class)
	put("secrets-store.csi.x-k8s.io", "v1", "SecretProviderClass", class)
	return dir
}

// parse reads JSON or YAML.
func parse(t *testing.T, file string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(read(t, file)), into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// closed makes a schema, and those in it, refuse properties that it does not name,
// and takes a quantity or a port for what it is: a number or words.
func closed(schema map[string]any) {
	properties, _ := schema["properties"].(map[string]any)
	if properties != nil && schema["additionalProperties"] == nil && schema["x-kubernetes-preserve-unknown-fields"] == nil {
		schema["additionalProperties"] = false
	}
	if schema["format"] == "int-or-string" || schema["x-kubernetes-int-or-string"] == true || strings.HasPrefix(fmt.Sprint(schema["description"]), "Quantity is") {
		schema["type"] = []string{"integer", "number", "string"}
		delete(schema, "format")
	}
	for _, p := range properties {
		if p, ok := p.(map[string]any); ok {
			closed(p)
		}
	}
	if items, ok := schema["items"].(map[string]any); ok {
		closed(items)
	}
}

// gather puts a definition into needed, with all that it refers to.
func gather(all map[string]map[string]any, name string, needed map[string]any) {
	if needed[name] != nil {
		return
	}
	needed[name] = all[name]
	var follow func(any)
	follow = func(x any) {
		switch x := x.(type) {
		case map[string]any:
			if ref, ok := x["$ref"].(string); ok {
				gather(all, strings.TrimPrefix(ref, "#/definitions/"), needed)
			}
			for _, v := range x {
				follow(v)
			}
		case []any:
			for _, v := range x {
				follow(v)
			}
		}
	}
	follow(all[name])
}
