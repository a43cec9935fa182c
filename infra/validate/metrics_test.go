package validate

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var metric = regexp.MustCompile(`\b(davit|traefik|kube|kubelet)_[a-z_]+`)

// exported are the metrics of others that alerts and dashboards ask for: those of
// Traefik, and what managed Prometheus takes of the cluster without being asked.
var exported = map[string]bool{
	"kube_node_status_condition":                      true,
	"kube_pod_container_status_restarts_total":        true,
	"kube_pod_status_phase":                           true,
	"kubelet_volume_stats_available_bytes":            true,
	"kubelet_volume_stats_capacity_bytes":             true,
	"traefik_service_request_duration_seconds_bucket": true,
	"traefik_service_requests_total":                  true,
	"traefik_tls_certs_not_after":                     true,
}

// Alerts and dashboards ask for metrics that are there: Davit's own are those that
// its source names.
func TestAlertsAndDashboardsAskForWhatIsThere(t *testing.T) {
	source := sources(t)
	files, err := filepath.Glob(filepath.Join(infra, "alerts", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal("no alerts", err)
	}
	asked := 0
	for _, file := range append(files, filepath.Join(infra, "dashboards", "davit.json")) {
		var document any
		parse(t, file, &document)
		for _, expression := range expressions(document) {
			names := metric.FindAllString(expression, -1)
			if len(names) == 0 {
				t.Errorf("%s: %q asks for no metric", file, expression)
			}
			for _, name := range names {
				asked++
				if !exported[name] && !strings.Contains(source, `"`+name+`"`) {
					t.Errorf("%s: nobody has the metric %s", file, name)
				}
			}
		}
	}
	if asked == 0 {
		t.Error("nothing was asked for")
	}
}

// expressions are the queries of a document, wherever they are.
func expressions(document any) []string {
	var found []string
	switch x := document.(type) {
	case map[string]any:
		for key, value := range x {
			if text, ok := value.(string); ok && (key == "expr" || key == "expression") {
				found = append(found, text)
			}
			found = append(found, expressions(value)...)
		}
	case []any:
		for _, value := range x {
			found = append(found, expressions(value)...)
		}
	}
	return found
}

// sources is the text of Davit's own packages.
func sources(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	err := filepath.WalkDir(filepath.Join(infra, "..", "internal"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		data, err := os.ReadFile(path)
		text.Write(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return text.String()
}
