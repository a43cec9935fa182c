package bicep

import (
	"path/filepath"
	"reflect"
	"testing"
)

func TestEvaluate(t *testing.T) {
	dir := write(t, "main.bicep", "", "")
	program, err := Load(filepath.Join(dir, "main.bicep"))
	if err != nil {
		t.Fatal(err)
	}
	parameters, err := ParseFile(filepath.Join(dir, "test.bicepparam"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := program.Evaluate(parameters)
	if err != nil {
		t.Fatal(err)
	}
	type resource struct{ Module, Symbol, Name, ID string }
	var got []resource
	for _, r := range d.Resources {
		got = append(got, resource{r.Module, r.Symbol, r.Name, r.ID})
	}
	group := "/subscriptions/" + Subscription + "/resourceGroups/rg-a"
	network := group + "/providers/Microsoft.Network/virtualNetworks/vnet-a"
	reader := got[len(got)-1].Name
	want := []resource{
		{"", "group", "rg-a", group},
		{"network", "network", "vnet-a", network},
		{"network", "subnets", "subnet-0", network + "/subnets/subnet-0"},
		{"network", "subnets", "subnet-1", network + "/subnets/subnet-1"},
		{"network", "reader", reader, network + "/providers/Microsoft.Authorization/roleAssignments/" + reader},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	subnet := d.Resources[3].Body["properties"].(map[string]any)["addressPrefix"]
	if subnet != "10.1.1.0/24" {
		t.Errorf("the second subnet is %v", subnet)
	}
	if id := d.Resources[4].Body["properties"].(map[string]any)["principalId"]; id != Runtime(network+".properties.guid") {
		t.Errorf("what Azure knows is %v", id)
	}
	if d.Outputs["networkId"] != network {
		t.Errorf("outputs: %v", d.Outputs)
	}
}

// value evaluates one expression.
func value(t *testing.T, expression string) (any, error) {
	t.Helper()
	file, err := Parse("test.bicep", "var it = "+expression)
	if err != nil {
		return nil, err
	}
	f := &frame{program: &Program{}, file: file, scope: "/subscriptions/s/resourceGroups/g", deployment: &Deployment{}, memo: map[string]any{}}
	return f.lookup(Position{}, "it")
}

func TestExpressions(t *testing.T) {
	for expression, want := range map[string]any{
		`'a${1 + 2}${'b${true}'}\'$'`:                      `a3btrue'$`,
		`1 + 2 * 3 - 4 / 2`:                                int64(5),
		`(1 + 2) * -3`:                                     int64(-9),
		`1 < 2 && !(2 <= 1) || false`:                      true,
		`false && fail('never asked')`:                     false,
		`true ? 1 : fail('never asked')`:                   int64(1),
		"1 == 2\n  ? 'a'\n  : 'b'":                         "b",
		`[1, 2] == [1, 2]`:                                 true,
		`{ a: 1, 'b.c': [2] }['b.c'][0]`:                   int64(2),
		`cidrHost('10.245.0.0/16', 9)`:                     "10.245.0.10",
		`cidrSubnet('10.41.0.0/16', 24, 17)`:               "10.41.17.0/24",
		`cidrSubnet('10.41.0.0/16', 20, 0)`:                "10.41.0.0/20",
		`cidrSubnet('10.41.7.9/16', 16, 0)`:                "10.41.0.0/16",
		`parseCidr('10.41.7.9/20').network`:                "10.41.0.0",
		`parseCidr('10.41.7.9/20').cidr`:                   int64(20),
		`contains('abc', 'bc') && !contains('abc', 'B')`:   true,
		`contains(['a', 'b'], 'b') && !contains(['a'], 1)`: true,
		`min(3, 2)`:                           int64(2),
		`range(2, 3)`:                         []any{int64(2), int64(3), int64(4)},
		`range(0, 0)`:                         []any{},
		`skip('abc', 2)`:                      "c",
		`skip('abc', 9)`:                      "",
		`string(length('abc'))`:               "3",
		`trim(' a b ')`:                       "a b",
		`concat([1], [2, 3])`:                 []any{int64(1), int64(2), int64(3)},
		`empty('') && empty([]) && empty({})`: true,
		`startsWith('B_x', 'B_') && endsWith('0.0.0.0/0', '/0')`: true,
		`filter([1, 2, 3], n => n > 1)`:                          []any{int64(2), int64(3)},
		`map([1, 2], n => { n: n })`:                             []any{map[string]any{"n": int64(1)}, map[string]any{"n": int64(2)}},
		`mapValues({ a: 1 }, n => n + 1)`:                        map[string]any{"a": int64(2)},
		`items({ b: 1, a: 2 })[0].key`:                           "a",
		`join(['a', 'b'], ' ')`:                                  "a b",
		`last(split('a/b/c', '/'))`:                              "c",
		`length('abc') + length([1])`:                            int64(4),
		`substring('GP_Standard', 3)`:                            "Standard",
		`substring('GP_Standard', 0, 2)`:                         "GP",
		`take('abcdef', 2)`:                                      "ab",
		`take('a', 2)`:                                           "a",
		`resourceId('Microsoft.Network/virtualNetworks', 'v')`:   "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v",
		`subscription().tenantId`:                                Tenant,
		`guid('a', 'b') == guid('a', 'b')`:                       true,
		`guid('a', 'b') == guid('b', 'a')`:                       false,
		`length(guid('a'))`:                                      int64(36),
		`'privatelink.blob.${environment().suffixes.storage}'`:   "privatelink.blob.core.windows.net",
	} {
		got, err := value(t, expression)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, %v; want %v", expression, got, err, want)
		}
	}
}

func TestExpressionsWithoutValue(t *testing.T) {
	for expression, want := range map[string]string{
		`fail('it must not be')`:             "test.bicep:1:10: fail: refused: it must not be",
		`1 / 0`:                              "test.bicep:1:10: nothing is divided by 0",
		`[1][1]`:                             "test.bicep:1:13: the array has 1 items, and no number 1",
		`{ a: 1 }.b`:                         "test.bicep:1:18: the object has no b",
		`'a' + 1`:                            "test.bicep:1:10: + is not for a string and a number",
		`'${[1]}'`:                           "test.bicep:1:13: an array cannot stand in a string",
		`1 ? 2 : 3`:                          "test.bicep:1:10: a number is no condition",
		`!1`:                                 "test.bicep:1:10: ! is not for a number",
		`length(1)`:                          "test.bicep:1:10: length: the arguments are of other types than it takes",
		`range(0, -1)`:                       "test.bicep:1:10: range: the arguments are of other types than it takes",
		`skip([1], 1)`:                       "test.bicep:1:10: skip: the arguments are of other types than it takes",
		`contains(1, 1)`:                     "test.bicep:1:10: contains: the arguments are of other types than it takes",
		`trim(1)`:                            "test.bicep:1:10: trim: the arguments are of other types than it takes",
		`parseCidr('10.0.0.0')`:              `test.bicep:1:10: parseCidr: netip.ParsePrefix("10.0.0.0"): no '/'`,
		`map([1], 2)`:                        "test.bicep:1:10: map: the arguments are of other types than it takes",
		`cidrSubnet('10.0.0.0/16', 24, 256)`: "test.bicep:1:10: cidrSubnet: 10.0.0.0/16 has no subnet 256 of /24",
		`99999999999999999999`:               "test.bicep:1:10: the number 99999999999999999999 is too great",
		`1 #`:                                "test.bicep:1:12: '#' has no meaning",
		`'\x'`:                               "test.bicep:1:11: the string has an escape that is none",
		`'''a'''`:                            "test.bicep:1:10: strings over several lines are not used here",
		`'${1 2}'`:                           "test.bicep:1:15: one value is interpolated, but \"2\" follows",
	} {
		if got, err := value(t, expression); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, %v; want %s", expression, got, err, want)
		}
	}
}

// Whatever a file has in it, it is read or refused.
func FuzzParse(f *testing.F) {
	for _, source := range template {
		f.Add(source)
	}
	f.Add("param a string =")
	f.Add("var a = '${'${1}'}'")
	f.Add("@minLength(1)\nparam a { *: string }[]")
	f.Fuzz(func(t *testing.T, source string) {
		file, err := Parse("fuzz.bicep", source)
		if (file == nil) == (err == nil) {
			t.Errorf("file %v, error %v", file, err)
		}
	})
}
