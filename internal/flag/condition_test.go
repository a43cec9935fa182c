package flag_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/davit-dev/davit"
)

const visitor = `{
	"targetingKey": "anna", "email": "anna@example.org", "age": 34, "beta": true, "nothing": null,
	"roles": ["dev", "admin", 7], "user": {"plan": "pro", "a.b": {"c": 1}}, "ip": "10.1.2.3", "ip6": "::ffff:192.168.7.9",
	"since": "2026-03-31T12:00:00+02:00", "day": "2026-03-31", "epoch": 1774951200, "version": "1.4.2", "pre": "v2.0.0-rc.1", "short": "1.4", "float": 1.5
}`

func TestConditions(t *testing.T) {
	ctx := read(t, visitor)
	for _, c := range []struct {
		when  string
		holds bool
	}{
		{`{"attribute": "email", "op": "equals", "values": ["anna@example.org"]}`, true},
		{`{"attribute": "email", "op": "equals", "values": ["anna"]}`, false},
		{`{"attribute": "age", "op": "equals", "values": [34]}`, true},
		{`{"attribute": "age", "op": "equals", "values": ["34"]}`, false},
		{`{"attribute": "beta", "op": "equals", "values": [true]}`, true},
		{`{"attribute": "beta", "op": "equals", "values": [false]}`, false},
		{`{"attribute": "nothing", "op": "equals", "values": ["", false, 0]}`, false},
		{`{"attribute": "targetingKey", "op": "in", "values": ["berta", "anna", 5]}`, true},
		{`{"attribute": "user.plan", "op": "in", "values": ["free", "team"]}`, false},
		{`{"attribute": "user.a\\.b.c", "op": "equals", "values": [1]}`, true},
		{`{"attribute": "roles.1", "op": "equals", "values": ["admin"]}`, true},
		{`{"attribute": "roles.01", "op": "present"}`, false},
		{`{"attribute": "roles", "op": "contains", "values": ["admin"]}`, true},
		{`{"attribute": "roles", "op": "contains", "values": [7]}`, true},
		{`{"attribute": "roles", "op": "contains", "values": ["adm"]}`, false},
		{`{"attribute": "email", "op": "contains", "values": ["berta", "@example"]}`, true},
		{`{"attribute": "age", "op": "contains", "values": ["3"]}`, false},
		{`{"attribute": "email", "op": "startsWith", "values": ["anna"]}`, true},
		{`{"attribute": "email", "op": "endsWith", "values": [".com", ".org"]}`, true},
		{`{"attribute": "email", "op": "endsWith", "values": ["anna"]}`, false},
		{`{"attribute": "email", "op": "matches", "values": ["^[a-z]+@example\\.(org|com)$"]}`, true},
		{`{"attribute": "email", "op": "matches", "values": ["^b"]}`, false},
		{`{"attribute": "age", "op": "matches", "values": ["34"]}`, false},
		{`{"attribute": "age", "op": "less", "values": [34]}`, false},
		{`{"attribute": "age", "op": "atMost", "values": [34]}`, true},
		{`{"attribute": "age", "op": "more", "values": [33.9]}`, true},
		{`{"attribute": "age", "op": "atLeast", "values": [35]}`, false},
		{`{"attribute": "missing", "op": "less", "values": [1]}`, false},
		{`{"attribute": "since", "op": "before", "values": ["2026-03-31T10:00:01Z"]}`, true},
		{`{"attribute": "since", "op": "after", "values": ["2026-03-31T10:00:00Z"]}`, false},
		{`{"attribute": "day", "op": "after", "values": ["2026-03-30"]}`, true},
		{`{"attribute": "epoch", "op": "after", "values": ["2026-03-31T09:59:59Z"]}`, true},
		{`{"attribute": "epoch", "op": "before", "values": [1774951200]}`, false},
		{`{"attribute": "email", "op": "before", "values": ["2026-03-31"]}`, false},
		{`{"attribute": "ip", "op": "cidr", "values": ["192.168.0.0/16", "10.0.0.0/8"]}`, true},
		{`{"attribute": "ip", "op": "cidr", "values": ["10.1.2.4"]}`, false},
		{`{"attribute": "ip6", "op": "cidr", "values": ["192.168.0.0/16"]}`, true},
		{`{"attribute": "email", "op": "cidr", "values": ["0.0.0.0/0"]}`, false},
		{`{"attribute": "ip", "op": "cidr", "values": ["::ffff:10.0.0.0/104"]}`, true},
		{`{"attribute": "ip", "op": "cidr", "values": ["::ffff:11.0.0.0/104"]}`, false},
		{`{"attribute": "ip", "op": "cidr", "values": ["::ffff:10.1.2.3"]}`, true},
		{`{"attribute": "ip", "op": "cidr", "values": ["::ffff:10.1.2.4"]}`, false},
		{`{"attribute": "ip6", "op": "cidr", "values": ["::ffff:192.168.0.0/112"]}`, true},
		{`{"attribute": "ip", "op": "cidr", "values": ["::ffff:1.2.3.4/96"]}`, true},
		{`{"attribute": "ip", "op": "cidr", "values": ["::ffff:1.2.3.4/80"]}`, true},
		{`{"attribute": "ip", "op": "cidr", "values": ["::/0"]}`, false},
		{`{"attribute": "version", "op": "semver", "values": ["^1.4"]}`, true},
		{`{"attribute": "pre", "op": "semver", "values": [">=2.0.0"]}`, false},
		{`{"attribute": "float", "op": "semver", "values": ["1.5.0"]}`, true},
		{`{"attribute": "email", "op": "semver", "values": ["*"]}`, false},
		{`{"attribute": "nothing", "op": "present"}`, false},
		{`{"attribute": "beta", "op": "present"}`, true},
		{`{"attribute": "beta", "op": "text"}`, false},
		{`{"attribute": "email", "op": "text"}`, true},
		{`{"not": {"attribute": "missing", "op": "present"}}`, true},
		{`{"all": [{"attribute": "beta", "op": "present"}, {"attribute": "missing", "op": "present"}]}`, false},
		{`{"any": [{"attribute": "missing", "op": "present"}, {"attribute": "beta", "op": "present"}]}`, true},
		{`{"segment": "staff"}`, true},
	} {
		var when davit.FlagCondition
		if err := json.Unmarshal([]byte(c.when), &when); err != nil {
			t.Fatalf("%s: %v", c.when, err)
		}
		s := compile(t, []davit.Flag{boolean("f", davit.FlagSettings{
			Enabled: true, Rules: []davit.FlagRule{{When: &when, Serve: davit.FlagServe{Variant: "on"}}}, Default: davit.FlagServe{Variant: "off"},
		})}, davit.Segment{Key: "staff", Include: []string{"anna"}})
		if got := s.Boolean("f", ctx, !c.holds); got != c.holds {
			t.Errorf("%s holds: %t", c.when, got)
		}
		if s.Boolean("f", nil, true) && c.when[2:5] != "not" {
			t.Errorf("%s holds for nobody in particular", c.when)
		}
	}
}

func TestVersionRanges(t *testing.T) {
	for _, c := range []struct {
		within  string
		in, out []string
	}{
		{"1.2.3", []string{"1.2.3", "v1.2.3", "1.2.3+build"}, []string{"1.2.4", "1.2.3-rc.1", "1.2"}},
		{"=1.2", []string{"1.2", "1.2.0", "1.2.9"}, []string{"1.3.0", "1.1.9"}},
		{"!=1.2.3", []string{"1.2.4"}, []string{"1.2.3", "nonsense"}},
		{">=1.2.0 <2.0.0", []string{"1.2.0", "1.9.9", "2.0.0-rc.1"}, []string{"2.0.0", "1.1.9", "1.2.0-rc.1"}},
		{">1.2", []string{"1.3.0"}, []string{"1.2.9", "1.2.0"}},
		{"<=1.2", []string{"1.2.9", "0.1.0"}, []string{"1.3.0"}},
		{"<1.2", []string{"1.1.9"}, []string{"1.2.0", "1.2.0-rc.1"}},
		{">= 1.2 < 1.3", []string{"1.2.5"}, []string{"1.3.0"}},
		{"^1.4.2", []string{"1.4.2", "1.99.0"}, []string{"1.4.1", "2.0.0", "2.0.0-rc.1"}},
		{"^0.3.1", []string{"0.3.1", "0.3.9"}, []string{"0.4.0", "0.3.0"}},
		{"^0.0.3", []string{"0.0.3"}, []string{"0.0.4"}},
		{"^1", []string{"1.0.0", "1.5.0"}, []string{"2.0.0"}},
		{"~2.1.3", []string{"2.1.3", "2.1.9"}, []string{"2.2.0", "2.1.2"}},
		{"~2", []string{"2.0.0", "2.9.0"}, []string{"3.0.0"}},
		{"3.x", []string{"3.0.0", "3.7.1", "3.0.0-rc.1"}, []string{"4.0.0", "2.9.9"}},
		{"3.1.x || 5.*", []string{"3.1.4", "5.0.0"}, []string{"3.2.0", "4.0.0"}},
		{"1.2 - 1.4", []string{"1.2.0", "1.4.9"}, []string{"1.1.9", "1.5.0"}},
		{"*", []string{"0.0.0", "9.9.9"}, []string{"nonsense", "1.2.3.4", "01.2.3"}},
		{"1.0.0-alpha.2", []string{"1.0.0-alpha.2"}, []string{"1.0.0-alpha.10"}},
		{">1.0.0-alpha.2 <1.0.0", []string{"1.0.0-alpha.10", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-alpha.2.1"}, []string{"1.0.0-alpha.1", "1.0.0-alpha", "1.0.0-1"}},
	} {
		s := compile(t, []davit.Flag{boolean("f", davit.FlagSettings{
			Enabled: true, Default: davit.FlagServe{Variant: "off"},
			Rules: []davit.FlagRule{{
				When:  &davit.FlagCondition{Attribute: "version", Op: davit.OpSemver, Values: []any{c.within}},
				Serve: davit.FlagServe{Variant: "on"},
			}},
		})})
		for want, versions := range map[bool][]string{true: c.in, false: c.out} {
			for _, v := range versions {
				if got := s.Boolean("f", read(t, fmt.Sprintf(`{"version": %q}`, v)), !want); got != want {
					t.Errorf("%s is in %s: %t", v, c.within, got)
				}
			}
		}
	}
}
