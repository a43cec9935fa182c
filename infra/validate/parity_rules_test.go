package validate

import (
	"fmt"
	"maps"
	"strings"
)

// terraformRules are the rules of a security group, each in a line.
func terraformRules(v map[string]any) any {
	return ruleLines(list(v["security_rule"]), func(rule any) map[string]any { return object(rule) }, map[string]string{
		"name": "name", "priority": "priority", "direction": "direction", "access": "access", "protocol": "protocol",
		"from": "source_address_prefix", "from more": "source_address_prefixes", "to": "destination_address_prefix",
		"to more": "destination_address_prefixes", "ports": "destination_port_range", "ports more": "destination_port_ranges",
		"source ports": "source_port_range",
	})
}

func armRules(b map[string]any) any {
	flat := func(rule any) map[string]any {
		o := maps.Clone(object(object(rule)["properties"]))
		o["name"] = object(rule)["name"]
		return o
	}
	return ruleLines(list(follow(b, []string{"properties", "securityRules"})), flat, map[string]string{
		"name": "name", "priority": "priority", "direction": "direction", "access": "access", "protocol": "protocol",
		"from": "sourceAddressPrefix", "from more": "sourceAddressPrefixes", "to": "destinationAddressPrefix",
		"to more": "destinationAddressPrefixes", "ports": "destinationPortRange", "ports more": "destinationPortRanges",
		"source ports": "sourcePortRange",
	})
}

func ruleLines(of []any, flat func(any) map[string]any, names map[string]string) any {
	var lines []any
	for _, rule := range of {
		o := flat(rule)
		word := func(name string) string { return plain([]any{o[names[name]], o[names[name+" more"]]}) }
		lines = append(lines, fmt.Sprintf("[%s %s %s %s %s from %s port %s to %s port %s]", word("name"), word("priority"), word("direction"), word("access"), word("protocol"), word("from"), word("source ports"), word("to"), word("ports")))
	}
	return lines
}

func terraformNotifications(v map[string]any) any {
	var lines []any
	for _, n := range list(v["notification"]) {
		lines = append(lines, plain(object(n)["threshold_type"])+" "+plain(object(n)["operator"])+" "+plain(object(n)["threshold"])+" to "+plain(object(n)["contact_groups"]))
	}
	return lines
}

func armNotifications(b map[string]any) any {
	var lines []any
	for _, n := range object(follow(b, []string{"properties", "notifications"})) {
		lines = append(lines, plain(object(n)["thresholdType"])+" "+plain(object(n)["operator"])+" "+plain(object(n)["threshold"])+" to "+plain(object(n)["contactGroups"]))
	}
	return lines
}

// each compares items of two lists one by one, by all of their properties: what one
// item has is not made up for by another.
func each(terraform, arm string, properties ...property) property {
	items := func(in string, of func(property) func(map[string]any) any) func(map[string]any) any {
		return func(v map[string]any) any {
			var lines []any
			for _, item := range list(follow(v, strings.Split(in, "."))) {
				var words []string
				for _, p := range properties {
					words = append(words, plain(of(p)(object(item))))
				}
				lines = append(lines, "["+strings.Join(words, ", ")+"]")
			}
			return lines
		}
	}
	return property{
		terraform + " = " + arm,
		items(terraform, func(p property) func(map[string]any) any { return p.terraform }),
		items(arm, func(p property) func(map[string]any) any { return p.arm }),
	}
}

// always is a property that Terraform's provider sets by itself, to the value.
func always(name, value, arm string) property {
	return property{name, func(map[string]any) any { return value }, reader(arm)}
}
