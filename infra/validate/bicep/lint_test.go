package bicep

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// defaultRules are those that Bicep's linter has on when nobody configures it.
var defaultRules = []string{
	"adminusername-should-not-be-literal", "artifacts-parameters", "decompiler-cleanup", "max-asserts", "max-outputs", "max-params",
	"max-resources", "max-variables", "nested-deployment-template-scoping", "no-conflicting-metadata", "no-deployments-resources",
	"no-hardcoded-env-urls", "no-unnecessary-dependson", "no-unused-existing-resources", "no-unused-imports", "no-unused-params",
	"no-unused-vars", "outputs-should-not-contain-secrets", "prefer-interpolation", "prefer-unquoted-property-names",
	"protect-commandtoexecute-secrets", "secure-parameter-default", "secure-params-in-nested-deploy", "secure-secrets-in-params",
	"simplify-interpolation", "simplify-json-null", "use-parent-property", "use-resource-symbol-reference", "use-safe-access",
	"use-secure-value-for-secure-inputs", "use-stable-resource-identifiers", "use-stable-vm-image",
}

// broken adds to network.bicep, or puts text in the place of old, and is found.
type broken struct{ old, text, want string }

// Each default rule is broken here, at least once, and what says so is named: the
// rule, or what this package refuses before.
func TestEveryDefaultRuleOfTheLinterIsKept(t *testing.T) {
	const end = "output id string = network.id"
	declare := func(text, want string) broken { return broken{end, text + "\n" + end, want} }
	set := func(property, want string) broken {
		return broken{"  tags: site.tags\n", "  tags: site.tags\n  " + property + "\n", want}
	}
	const secret = "@secure()\nparam secret string\n\n"
	cases := map[string][]broken{
		"adminusername-should-not-be-literal": {
			set("osProfile: { adminUsername: 'azureuser' }", "(adminusername-should-not-be-literal)"),
			{end, "var user = 'azureuser'\nvar profile = { adminUsername: user }\n" + end, "(adminusername-should-not-be-literal)"},
		},
		"artifacts-parameters":               {declare("param _artifactsLocation string", "(artifacts-parameters)")},
		"decompiler-cleanup":                 {declare("var names_var = 'x'", "(decompiler-cleanup)"), {"resource reader", "resource reader_resource", "(decompiler-cleanup)"}},
		"max-asserts":                        {declare("assert one = true", `"assert" declares nothing that is known here`)},
		"max-outputs":                        {declare(many("output o%d string = network.id", 64), "the file has 65 of what it may have 64 of (max-outputs)")},
		"max-params":                         {declare(many("param p%d string", 256), "(max-params)")},
		"max-resources":                      {declare(many("resource r%d 'Microsoft.Network/virtualNetworks@2024-07-01' = {\n  name: 'n'\n}", 800), "(max-resources)")},
		"max-variables":                      {declare(many("var v%d = 'x'", 512), "(max-variables)")},
		"nested-deployment-template-scoping": {declare("resource d 'Microsoft.Resources/deployments@2024-03-01' = {\n  name: 'd'\n}", "(no-deployments-resources)")},
		"no-conflicting-metadata":            {{"param size string", "@metadata({ description: 'a' })\n@description('b')\nparam size string", "there is no decorator metadata here"}},
		"no-deployments-resources":           {declare("resource d 'Microsoft.Resources/deployments@2024-03-01' = {\n  name: 'd'\n}", "a deployment is declared as a resource: use a module (no-deployments-resources)")},
		"no-hardcoded-env-urls": {
			set("zone: 'privatelink.blob.core.windows.net'", "core.windows.net is another in other clouds: use environment() (no-hardcoded-env-urls)"),
			set("vault: 'https://${site.name}.vault.azure.net'", "vault.azure.net is another"),
		},
		"no-unnecessary-dependson": {
			{"  scope: network\n  name: guid", "  dependsOn: [network]\n  scope: network\n  name: guid", "network is depended on anyhow (no-unnecessary-dependson)"},
			{"resource reader 'Microsoft.Authorization/roleAssignments@2022-04-01' = {\n  scope: network\n  name: guid(network.id, roles.reader)\n  properties: {\n    principalId: network.properties.guid\n", "var own = network.properties.guid\nresource reader 'Microsoft.Authorization/roleAssignments@2022-04-01' = {\n  name: guid(roles.reader)\n  dependsOn: [network]\n  properties: {\n    principalId: own\n", "(no-unnecessary-dependson)"},
		},
		"no-unused-existing-resources":       {declare("resource old 'Microsoft.Network/virtualNetworks@2024-07-01' existing = {\n  name: 'old'\n}", "nothing uses the existing resource old")},
		"no-unused-imports":                  {{"var names", "import { roles as r } from 'shared.bicep'\nvar names", "is expected"}},
		"no-unused-params":                   {declare("param more string", "nothing uses the parameter more")},
		"no-unused-vars":                     {declare("var more = 1", "nothing uses the variable more")},
		"outputs-should-not-contain-secrets": {{end, secret + "output id string = secret", "a secret is in the output id"}},
		"prefer-interpolation":               {set("label: concat('a', site.name)", "concat joins strings: interpolate them (prefer-interpolation)"), set("label: concat(size, site.name)", "(prefer-interpolation)")},
		"prefer-unquoted-property-names":     {set("'label': site.name", "'label' needs no quotes (prefer-unquoted-property-names)"), set("label: site['name']", "write .name (prefer-unquoted-property-names)")},
		"protect-commandtoexecute-secrets": {{end, secret + "var extension = { settings: { commandToExecute: 'run ${secret}' } }\n" + end, "(protect-commandtoexecute-secrets)"},
			set("settings: { commandToExecute: network.listKeys().key }", "(protect-commandtoexecute-secrets)")},
		"secure-parameter-default":           {declare("@secure()\nparam secret string = 'hunter2'", "(secure-parameter-default)")},
		"secure-params-in-nested-deploy":     {declare("resource d 'Microsoft.Resources/deployments@2024-03-01' = {\n  name: 'd'\n}", "(no-deployments-resources)")},
		"secure-secrets-in-params":           {declare("param databasePassword string", "the parameter databasePassword looks like a secret, and is not secure (secure-secrets-in-params)")},
		"simplify-interpolation":             {set("label: '${site.name}'", "(simplify-interpolation)")},
		"simplify-json-null":                 {set("label: json('null')", "there is no function json here")},
		"use-parent-property":                {{"  parent: network\n  name: name", "  name: '${network.name}/${name}'", "a child says its parent, and nobody else does"}},
		"use-resource-symbol-reference":      {set("label: reference(network.id)", "there is no function reference here")},
		"use-safe-access":                    {set("label: contains(site, 'name') ? site.name : null", "(use-safe-access)"), set("label: contains(site.tags, 'a-b') ? site.tags['a-b'] : null", "(use-safe-access)")},
		"use-secure-value-for-secure-inputs": {set("administratorPassword: size", "administratorPassword takes a secret, and is given what is not secure (use-secure-value-for-secure-inputs)")},
		"use-stable-resource-identifiers":    {{"name: guid(network.id, roles.reader)", "name: guid(utcNow())", "there is no function utcNow here"}},
		"use-stable-vm-image":                {set("imageReference: { sku: '24_04-lts-preview' }", "the image is a preview (use-stable-vm-image)")},
	}
	if got := slices.Sorted(maps.Keys(cases)); !slices.Equal(got, defaultRules) {
		t.Errorf("broken are %q", got)
	}
	for rule, each := range cases {
		for i, c := range each {
			t.Run(fmt.Sprintf("%s/%d", rule, i), func(t *testing.T) {
				said := strings.Join(judge(write(t, "network.bicep", c.old, c.text)), "\n")
				if !strings.Contains(said, c.want) {
					t.Errorf("nobody said %q:\n%s", c.want, said)
				}
			})
		}
	}
}

// What the linter lets be is let be here.
func TestWhatTheLinterLetsBe(t *testing.T) {
	for name, c := range map[string]struct{ old, text string }{
		"a key of one value":     {"  tags: site.tags\n", "  tags: { '${site.name}': 'x' }\n"},
		"a key with a dot":       {"  tags: site.tags\n", "  tags: { 'a.b': 'x' }\n"},
		"arrays":                 {"addressPrefixes: ranges", "addressPrefixes: concat(ranges, ['10.9.0.0/16'])"},
		"another host":           {"  tags: site.tags\n", "  tags: { zone: 'privatelink.vaultcore.azure.net' }\n"},
		"a loop":                 {"  scope: network\n  name: guid", "  dependsOn: [subnets]\n  scope: network\n  name: guid"},
		"a secure parameter":     {"output id", "@secure()\nparam secret string = ''\nvar at = { password: secret }\nresource more 'Microsoft.Network/virtualNetworks@2024-07-01' = {\n  name: 'x'\n  tags: at\n}\noutput id"},
		"a number of passwords":  {"param size string", "param size string\nparam passwordLength int = 3\nvar n = passwordLength\nresource more 'Microsoft.Network/virtualNetworks@2024-07-01' = {\n  name: 'x'\n  tags: { n: n }\n}"},
		"contains of another":    {"  tags: site.tags\n", "  tags: contains(ranges, 'a') ? site.tags : { a: 'b' }\n"},
		"authentication by keys": {"  tags: site.tags\n", "  tags: { passwordAuth: 'Disabled' }\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if said := judge(write(t, "network.bicep", c.old, c.text)); len(said) > 0 {
				t.Errorf("got %q", said)
			}
		})
	}
}

// many are declarations that differ in a number.
func many(declaration string, n int) string {
	var all strings.Builder
	for i := range n {
		fmt.Fprintf(&all, declaration+"\n", i)
	}
	return all.String()
}
