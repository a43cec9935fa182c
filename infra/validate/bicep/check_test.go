package bicep

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// template is a small template of what infra/bicep is made of, in a folder.
var template = map[string]string{
	"shared.bicep": `@export()
type siteType = {
  name: string
  tags: { *: string }
}

@export()
var roles = {
  reader: 'r'
}
`,
	"main.bicep": `targetScope = 'subscription'
import { siteType } from 'shared.bicep'

param site siteType

@minLength(1)
param ranges string[]

@minValue(3)
@maxValue(9)
param nodes int = 3

param size 'small' | 'large' = 'small'

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${site.name}'
  location: nodes > 8 ? fail('too many') : 'here'
  tags: site.tags
}

module network 'network.bicep' = {
  scope: group
  name: 'network'
  params: {
    site: site
    ranges: ranges
    size: size
  }
}

output networkId string = network.outputs.id
`,
	"network.bicep": `import { roles, siteType } from 'shared.bicep'
param site siteType
param ranges string[]
param size string

var names = [for (range, i) in ranges: 'subnet-${i}']

resource network 'Microsoft.Network/virtualNetworks@2024-07-01' = {
  name: 'vnet-${site.name}'
  tags: site.tags
  properties: {
    addressSpace: { addressPrefixes: ranges }
    size: size == 'small' ? null : size
  }
}

resource subnets 'Microsoft.Network/virtualNetworks/subnets@2024-07-01' = [for (name, i) in names: {
  parent: network
  name: name
  properties: {
    addressPrefix: cidrSubnet(ranges[i], 24, 1)
  }
}]

resource reader 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: network
  name: guid(network.id, roles.reader)
  properties: {
    principalId: network.properties.guid
  }
}

output id string = network.id
`,
	"test.bicepparam": `using 'main.bicep'
param site = { name: 'a', tags: { owner: 'us' } }
param ranges = ['10.0.0.0/16', '10.1.0.0/16']
`,
}

// write puts the template into a folder, after replacing old with text in one file.
func write(t *testing.T, file, old, text string) string {
	t.Helper()
	dir := t.TempDir()
	for name, source := range template {
		if name == file {
			if !strings.Contains(source, old) {
				t.Fatalf("%s has no %q", file, old)
			}
			source = strings.Replace(source, old, text, 1)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// judge says all that is found in a folder, in sentences without the folder.
func judge(dir string) []string {
	var said []string
	say := func(err error) {
		if err != nil {
			said = append(said, strings.TrimPrefix(err.Error(), dir+string(filepath.Separator)))
		}
	}
	program, err := Load(filepath.Join(dir, "main.bicep"))
	if err != nil {
		say(err)
		return said
	}
	for _, p := range program.Check() {
		say(p)
	}
	parameters, err := ParseFile(filepath.Join(dir, "test.bicepparam"))
	if err != nil {
		say(err)
		return said
	}
	for _, p := range program.CheckParameters(parameters) {
		say(p)
	}
	if len(said) == 0 {
		_, err = program.Evaluate(parameters)
		say(err)
	}
	return said
}

func TestWholeTemplate(t *testing.T) {
	if said := judge(write(t, "main.bicep", "", "")); len(said) > 0 {
		t.Errorf("of a template that is right: %q", said)
	}
}

func TestBrokenTemplates(t *testing.T) {
	for name, c := range map[string]struct{ file, old, text, want string }{
		"no value":            {"main.bicep", "param nodes int = 3", "param nodes int =", `main.bicep:11:18: a value is expected, but the end of the line comes`},
		"no end":              {"network.bicep", "output id string = network.id", "output id string = (network.id", `network.bicep:33:31: ")" is expected, but the end of the line comes`},
		"comma and line":      {"network.bicep", "addressPrefixes: ranges }", "addressPrefixes: ranges,\n }", "network.bicep:12:45: a comma separates what is on one line"},
		"comma at the end":    {"network.bicep", "24, 1)", "24, 1,)", `network.bicep:21:48: a value is expected, but ")" comes`},
		"arguments on lines":  {"network.bicep", "24, 1)", "24\n1)", `network.bicep:22:1: ")" is expected, but "1" comes`},
		"unknown decorator":   {"main.bicep", "@minLength(1)", "@minimumLength(1)", "main.bicep:6:1: there is no decorator minimumLength here"},
		"decorator":           {"main.bicep", "@minLength(1)", "@minLength('1')", "main.bicep:6:1: minLength takes a number"},
		"decorator of field":  {"shared.bicep", "  name: string", "  @minlength(1)\n  name: string", "shared.bicep:3:3: there is no decorator minlength here"},
		"other template":      {"test.bicepparam", "'main.bicep'", "'network.bicep'", "test.bicepparam:1:1: it is for network.bicep, and not for "},
		"string without end":  {"network.bicep", "'vnet-${site.name}'", "'vnet-${site.name}", "network.bicep:9:9: the string does not end"},
		"two on a line":       {"network.bicep", "param size string", "param size string param more string", `network.bicep:4:19: a declaration ends with its line, but "param" follows`},
		"unknown keyword":     {"network.bicep", "param size string", "parm size string", `network.bicep:4:1: "parm" declares nothing that is known here`},
		"unknown name":        {"network.bicep", "addressPrefixes: ranges", "addressPrefixes: rangs", "network.bicep:12:38: there is no rangs"},
		"unknown function":    {"network.bicep", "cidrSubnet(", "cidrsubnet(", "network.bicep:21:20: there is no function cidrsubnet here"},
		"arguments":           {"network.bicep", "24, 1)", "24)", "network.bicep:21:20: cidrSubnet does not take 2 arguments"},
		"unknown type":        {"network.bicep", "param size string", "param size sting", "network.bicep:4:12: there is no sting"},
		"unused":              {"network.bicep", "param size string", "param size string\nparam more string = 'x'", "network.bicep:5:7: nothing uses the parameter more"},
		"unused import":       {"main.bicep", "{ siteType }", "{ roles, siteType }", "main.bicep:2:10: nothing uses the import roles"},
		"unused existing":     {"network.bicep", "output id", "resource old 'Microsoft.Network/virtualNetworks@2024-07-01' existing = {\n  name: 'old'\n}\noutput id", "network.bicep:33:10: nothing uses the existing resource old"},
		"no such export":      {"main.bicep", "{ siteType }", "{ siteTipe, siteType }", "main.bicep:2:10: shared.bicep exports no siteTipe"},
		"twice":               {"network.bicep", "param size string", "param size string\nparam site string", "network.bicep:5:7: site is declared twice"},
		"property twice":      {"network.bicep", "  tags: site.tags", "  tags: site.tags\n  tags: {}", "network.bicep:11:3: the property tags is given twice"},
		"missing parameter":   {"main.bicep", "    size: size\n", "", "main.bicep:21:8: the module network misses the parameter size of network.bicep"},
		"unknown parameter":   {"main.bicep", "    size: size\n", "    size: size\n    sise: size\n", "main.bicep:28:5: network.bicep has no parameter sise"},
		"type of parameter":   {"main.bicep", "    size: size\n", "    size: [size]\n", "network.bicep:4:7: size is an array, and must be string"},
		"unknown output":      {"main.bicep", "network.outputs.id", "network.outputs.name", "main.bicep:31:42: network.bicep has no output name"},
		"unknown module":      {"main.bicep", "'network.bicep'", "'net.bicep'", "main.bicep:21:8: there is no file net.bicep"},
		"module scope":        {"main.bicep", "  scope: group\n", "", "main.bicep:21:8: the module network needs a scope: it deploys to a resourceGroup"},
		"child alone":         {"network.bicep", "  parent: network\n", "", "network.bicep:17:10: the resource subnets is of type Microsoft.Network/virtualNetworks/subnets: a child says its parent, and nobody else does"},
		"no name":             {"network.bicep", "  name: 'vnet-${site.name}'\n", "", "network.bicep:8:10: the resource network has no name"},
		"name known too late": {"network.bicep", "name: guid(network.id, roles.reader)", "name: '${roles.reader}${network.properties.guid}'", "network.bicep:25:10: the name of reader is known only when it is deployed"},
		"secret in output":    {"network.bicep", "output id string = network.id", "output id string = network.id\noutput adminPassword string = network.id", "network.bicep:34:8: the output adminPassword looks like a secret: outputs stay in the history of deployments"},
		"keys":                {"network.bicep", "output id string = network.id", "output id string = listKeys(network.id)", "network.bicep:33:20: there is no function listKeys here"},
		"keys in output":      {"network.bicep", "output id string = network.id", "var all = [network.listKeys().keys]\noutput id string = '${all[0][0].value}'", "network.bicep:34:8: a key is in the output id: it comes of listKeys"},
		"function of value":   {"network.bicep", "tags: site.tags", "tags: site.listTags()", "network.bicep:10:14: there is no function listTags of a value here"},
		"secure in output":    {"network.bicep", "output id string = network.id", "@secure()\nparam secret string = ''\noutput id string = empty(secret) ? 'none' : secret", "network.bicep:35:8: a secret is in the output id: the parameter secret is secure"},
		"type of output":      {"network.bicep", "output id string = network.id", "output id string = [network.id]", "network.bicep:33:8: the output id is an array, and must be string"},
		"unknown property":    {"network.bicep", "tags: site.tags", "tags: site.tag", "network.bicep:10:13: the object has no tag"},
		"needs itself":        {"network.bicep", "in ranges: 'subnet", "in names: 'subnet", "network.bicep:6:32: names needs itself"},
		"choice":              {"test.bicepparam", "param ranges", "param size = 'medium'\nparam ranges", "main.bicep:13:7: size is medium, and must be one of small, large"},
		"too many":            {"test.bicepparam", "param ranges", "param nodes = 9\nparam ranges", "main.bicep:17:25: fail: refused: too many"},
		"above":               {"test.bicepparam", "param ranges", "param nodes = 10\nparam ranges", "main.bicep:11:7: nodes is a value of 10, above 9"},
		"below":               {"test.bicepparam", "param ranges", "param nodes = 2\nparam ranges", "main.bicep:11:7: nodes is a value of 2, below 3"},
		"length":              {"test.bicepparam", "['10.0.0.0/16', '10.1.0.0/16']", "[]", "main.bicep:7:7: ranges has a length of 0, below 1"},
		"item":                {"test.bicepparam", "'10.1.0.0/16'", "16", "main.bicep:7:7: ranges[1] is a number, and must be string"},
		"field":               {"test.bicepparam", "name: 'a', ", "", "main.bicep:4:7: site has no name"},
		"more fields":         {"test.bicepparam", "name: 'a', ", "name: 'a', nam: 'b', ", "main.bicep:4:7: site takes no nam"},
		"not given":           {"test.bicepparam", "param ranges = ['10.0.0.0/16', '10.1.0.0/16']", "", "test.bicepparam:1:1: the parameter ranges of"},
		"not asked":           {"test.bicepparam", "param ranges", "param range = 1\nparam ranges", "has no parameter range"},
		"subnet":              {"test.bicepparam", "'10.1.0.0/16'", "'10.1.0.0/25'", "network.bicep:21:20: cidrSubnet: 10.1.0.0/25 has no subnets of /24"},
	} {
		t.Run(name, func(t *testing.T) {
			said := judge(write(t, c.file, c.old, c.text))
			if !slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, c.want) }) {
				t.Errorf("want %q, got %q", c.want, said)
			}
		})
	}
}
