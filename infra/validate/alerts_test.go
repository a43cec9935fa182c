package validate

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davit-dev/davit/infra/validate/bicep"
)

// wantedAlerts are those of infra/policy, with what nobody would be told of: by
// what they are called in its plans.
func wantedAlerts(t *testing.T) map[string]string {
	t.Helper()
	return ask[map[string]string](t, "wanted", plan(t, "production").document(t))
}

// wrongAlerts says of what Bicep deploys what the policy says of a plan: which alert
// is missing, and which one nobody hears.
func wrongAlerts(wanted map[string]string, d *bicep.Deployment) []string {
	var said []string
	found := map[string]bool{}
	alert := func(name string, on any, groups any) {
		if on != true {
			return
		}
		found[name] = true
		if plain(groups) == "nothing" {
			said = append(said, fmt.Sprintf("the alert %s has no action group: nobody is told", name))
		}
	}
	at := func(v any, path string) any { return follow(v, strings.Split(path, ".")) }
	for _, r := range d.Resources {
		switch r.Type {
		case "Microsoft.AlertsManagement/prometheusRuleGroups":
			for _, rule := range list(at(r.Body, "properties.rules")) {
				on := at(r.Body, "properties.enabled") == true && at(rule, "enabled") == true
				alert(plain(at(rule, "alert")), on, at(rule, "actions.*.actionGroupId"))
			}
		case "Microsoft.Insights/metricAlerts":
			alert(r.Name[strings.LastIndex(r.Name, "-")+1:], at(r.Body, "properties.enabled"), at(r.Body, "properties.actions.*.actionGroupId"))
		case "Microsoft.Consumption/budgets":
			for _, n := range object(at(r.Body, "properties.notifications")) {
				alert("budget", at(n, "enabled"), at(n, "contactGroups"))
			}
		}
	}
	for name, what := range wanted {
		if !found[name] {
			said = append(said, fmt.Sprintf("the alert %s is missing, or off: nobody is told of %s", name, what))
		}
	}
	return said
}

func TestAlertsOfBicep(t *testing.T) {
	for _, environment := range []string{"staging", "production"} {
		for _, wrong := range wrongAlerts(wantedAlerts(t), deployment(t, environment)) {
			t.Errorf("%s: %s", environment, wrong)
		}
	}
}

// Taking an alert away, or who hears of it, fails in both languages with a sentence
// that names it.
func TestBrokenAlertsAreNamed(t *testing.T) {
	const vault, monitoring, cluster = "modules/vault", "modules/monitoring", "modules/cluster"
	nodes, traffic := "../alerts/nodes.json", "../alerts/traffic.json"
	wanted := wantedAlerts(t)
	named := map[string]bool{}
	for _, tc := range []struct {
		alert            string
		terraform, bicep edit // of Terraform's none where the next test has it
		says             string
	}{
		{"NodeNotReady", edit{}, without(t, nodes, "NodeNotReady"), "is missing"},
		{"PodRestarting", edit{}, without(t, nodes, "PodRestarting"), "is missing"},
		{"ErrorsHigh", edit{}, without(t, traffic, "ErrorsHigh"), "is missing"},
		{"LatencyHigh", edit{}, without(t, traffic, "LatencyHigh"), "is missing"},
		{"CertificateExpiring", edit{}, without(t, traffic, "CertificateExpiring"), "is missing"},
		{
			"expiry",
			edit{vault + "/expiry.tf", resourceOf(t, vault+"/expiry.tf", "azurerm_monitor_metric_alert"), ""},
			edit{vault + ".bicep", blockOf(t, vault+".bicep", "\nresource expiryAlert "), ""},
			"is missing",
		},
		{
			"budget",
			edit{monitoring + "/alerts.tf", resourceOf(t, monitoring+"/alerts.tf", "azurerm_consumption_budget_resource_group"), ""},
			edit{monitoring + ".bicep", blockOf(t, monitoring+".bicep", "\nresource budget "), ""},
			"is missing",
		},
		{
			"ErrorsHigh",
			edit{cluster + "/monitoring.tf", "      action {\n        action_group_id = var.action_group_id\n      }\n", ""},
			edit{cluster + ".bicep", "{\n          actionGroupId: actionGroupId\n        }\n", "\n"},
			"has no action group",
		},
		{
			"NodeNotReady",
			edit{cluster + "/monitoring.tf", "rule_group_enabled  = true", "rule_group_enabled  = false"},
			edit{cluster + ".bicep", "description: group.value.description\n    enabled: true", "description: group.value.description\n    enabled: false"},
			"is missing, or off",
		},
		{
			"expiry",
			edit{vault + "/expiry.tf", "  action {\n    action_group_id = var.action_group_id\n  }\n", ""},
			edit{vault + ".bicep", "      {\n        actionGroupId: actionGroupId\n      }\n", "\n"},
			"has no action group",
		},
		{
			"budget",
			edit{monitoring + "/alerts.tf", "contact_groups = [azurerm_monitor_action_group.action_group.id]", `contact_emails = ["finance@example.org"]`},
			edit{monitoring + ".bicep", "contactGroups: [actionGroup.id]", "contactGroups: []"},
			"has no action group",
		},
	} {
		named[tc.alert] = true
		says := "the alert " + tc.alert + " " + tc.says
		t.Run(tc.alert+" "+tc.says, func(t *testing.T) {
			t.Parallel()
			d, err := deploymentIn(bicepTree(t, tc.bicep), "production")
			if err != nil {
				t.Fatal(err)
			}
			if said := strings.Join(wrongAlerts(wanted, d), "\n"); !strings.Contains(said, says) {
				t.Errorf("broken in Bicep, and nobody said %q:\n%s", says, said)
			}
			if tc.terraform.file != "" {
				expectAlerts(t, []string{says}, tc.terraform)
			}
		})
	}
	for alert := range wanted {
		if !named[alert] {
			t.Errorf("nothing shows that the alert %s is missed", alert)
		}
	}
}

// What is missing in the files that both languages read is missing in a plan: each
// of several alerts is named.
func TestAlertsMissingInFilesAreNamed(t *testing.T) {
	t.Parallel()
	nodes, traffic := "../alerts/nodes.json", "../alerts/traffic.json"
	expectAlerts(t, []string{
		"the alert NodeNotReady is missing", "the alert PodRestarting is missing", "the alert ErrorsHigh is missing",
		"the alert LatencyHigh is missing", "the alert CertificateExpiring is missing",
	}, without(t, nodes, "NodeNotReady", "PodRestarting"), without(t, traffic, "ErrorsHigh", "LatencyHigh", "CertificateExpiring"))
}

// expectAlerts wants sentences about a plan of the edited tree.
func expectAlerts(t *testing.T, says []string, edits ...edit) {
	t.Helper()
	p, said := copyTree(t, edits...).plan(t, "production")
	if said == "" {
		for _, v := range judge(t, p.document(t)) {
			said += v.String() + "\n"
		}
	}
	for _, sentence := range says {
		if !strings.Contains(said, sentence) {
			t.Errorf("broken in Terraform, and nobody said %q:\n%s", sentence, said)
		}
	}
}

// without takes alerts out of a file that both languages read.
func without(t *testing.T, file string, alerts ...string) edit {
	t.Helper()
	text := read(t, filepath.Join(infra, "terraform", file))
	var group struct {
		Description string           `json:"description"`
		Rules       []map[string]any `json:"rules"`
	}
	if err := json.Unmarshal([]byte(text), &group); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	kept := group
	kept.Rules = nil
	for _, r := range group.Rules {
		if name, _ := r["alert"].(string); !slices.Contains(alerts, name) {
			kept.Rules = append(kept.Rules, r)
		}
	}
	if len(kept.Rules) != len(group.Rules)-len(alerts) {
		t.Fatalf("%s does not have all of %q", file, alerts)
	}
	data, err := json.Marshal(kept)
	if err != nil {
		t.Fatal(err)
	}
	return edit{file, text, string(data)}
}

// resourceOf is the resource of a type in a file of Terraform, as it is written.
func resourceOf(t *testing.T, file, kind string) string {
	t.Helper()
	from := "\nresource \"" + kind + "\" "
	_, rest, ok := strings.Cut(read(t, filepath.Join(infra, "terraform", file)), from)
	body, _, ends := strings.Cut(rest, "\n}\n")
	if !ok || !ends {
		t.Fatalf("%s has no %s", file, kind)
	}
	return from + body + "\n}\n"
}
