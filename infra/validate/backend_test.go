package validate

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// States are opened by Entra ID, each environment's by itself.
func TestBackend(t *testing.T) {
	root := filepath.Join(infra, "terraform")
	backends := map[string]string{}
	for _, environment := range []string{"staging", "production"} {
		backends[environment] = read(t, filepath.Join(root, "backend", environment+".hcl"))
	}
	for _, wrong := range wrongBackend(read(t, filepath.Join(root, "versions.tf")), backends) {
		t.Error(wrong)
	}
}

func TestBackendCanBeWrong(t *testing.T) {
	const versions = "terraform {\n  backend \"azurerm\" {\n    use_azuread_auth = true\n  }\n}\n"
	const staging, production = "key = \"staging.tfstate\"\n", "key = \"production.tfstate\"\n"
	for _, tc := range []struct{ name, versions, staging, production, says string }{
		{name: "right", versions: versions, staging: staging, production: production},
		{"no Entra ID", strings.Replace(versions, "true", "false", 1), staging, production, "versions.tf: use_azuread_auth is not true"},
		{"Entra ID in a comment", strings.Replace(versions, "use_", "# use_", 1), staging, production, "versions.tf: use_azuread_auth is not true"},
		{"another backend", strings.Replace(versions, "azurerm", "local", 1), staging, production, "versions.tf: the backend is not azurerm"},
		{"the same key", versions, staging, staging, "the state of staging has the key of production: staging.tfstate"},
		{"no key", versions, staging, "", "backend/production.hcl has no key"},
		{"access key", versions, staging + "access_key = \"x\"\n", production, "backend/staging.hcl has access_key"},
		{"SAS", versions, staging, production + "  sas_token=\"x\"\n", "backend/production.hcl has sas_token"},
		{"key in the block", strings.Replace(versions, "use_", "access_key = \"x\"\n    use_", 1), staging, production, "versions.tf has access_key"},
		{"Entra ID taken back", versions, staging + "use_azuread_auth = false\n", production, "backend/staging.hcl takes use_azuread_auth back"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			said := strings.Join(wrongBackend(tc.versions, map[string]string{"staging": tc.staging, "production": tc.production}), "\n")
			if said != tc.says {
				t.Errorf("got %q, want %q", said, tc.says)
			}
		})
	}
}

// wrongBackend says what is wrong with the backend's block and the files that
// complete it, by environment.
func wrongBackend(versions string, backends map[string]string) []string {
	var said []string
	setting := func(text, name string) string {
		m := regexp.MustCompile(`(?m)^\s*` + name + `\s*=\s*"?([^"\s]+)`).FindStringSubmatch(text)
		if m == nil {
			return ""
		}
		return m[1]
	}
	keyless := func(file, text string) {
		for _, name := range []string{"access_key", "sas_token", "client_secret"} {
			if setting(text, name) != "" {
				said = append(said, file+" has "+name)
			}
		}
	}
	_, block, ok := strings.Cut(versions, "backend \"azurerm\" {")
	block, _, _ = strings.Cut(block, "}")
	switch {
	case !ok:
		said = append(said, "versions.tf: the backend is not azurerm")
	case setting(block, "use_azuread_auth") != "true":
		said = append(said, "versions.tf: use_azuread_auth is not true")
	}
	keyless("versions.tf", block)
	for _, environment := range []string{"staging", "production"} {
		file, text := "backend/"+environment+".hcl", backends[environment]
		keyless(file, text)
		if setting(text, "key") == "" {
			said = append(said, file+" has no key")
		}
		if use := setting(text, "use_azuread_auth"); use != "" && use != "true" {
			said = append(said, file+" takes use_azuread_auth back")
		}
	}
	if key := setting(backends["staging"], "key"); key != "" && key == setting(backends["production"], "key") {
		said = append(said, "the state of staging has the key of production: "+key)
	}
	return said
}
