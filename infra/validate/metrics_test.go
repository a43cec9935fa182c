package validate

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"
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
	asked := 0
	for _, file := range queried(t) {
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

var window = regexp.MustCompile(`\[(\w+)\]`)

// A rate over less than four answers of whom it asks is full of holes: answers are
// late, and some are lost.
func TestWindowsAreLongEnough(t *testing.T) {
	var settings struct{ Data map[string]string }
	parse(t, filepath.Join(infra, "kubernetes", "metrics", "prometheus.yaml"), &settings)
	var scrape struct {
		Global struct {
			Interval string `json:"scrape_interval"`
		}
	}
	if err := yaml.Unmarshal([]byte(settings.Data["prometheus-config"]), &scrape); err != nil {
		t.Fatal(err)
	}
	ours, err := time.ParseDuration(scrape.Global.Interval)
	if err != nil {
		t.Fatalf("how often Davit and the gateway are asked is not said, and would be once a minute: %v", err)
	}
	const others = 30 * time.Second // managed Prometheus' own, of the cluster's metrics
	found := 0
	for _, file := range queried(t) {
		var document any
		parse(t, file, &document)
		for _, expression := range expressions(document) {
			interval := ours
			if name := metric.FindString(expression); strings.HasPrefix(name, "kube") {
				interval = others
			}
			for _, m := range window.FindAllStringSubmatch(expression, -1) {
				found++
				if length, err := time.ParseDuration(m[1]); err != nil || length < 4*interval {
					t.Errorf("%s: %q looks at %s, less than four answers (%s apart)", file, expression, m[1], interval)
				}
			}
		}
	}
	if found == 0 {
		t.Error("no expression has a window")
	}
}

// queried are the files with expressions.
func queried(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(infra, "alerts", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal("no alerts", err)
	}
	return append(files, filepath.Join(infra, "dashboards", "davit.json"))
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
