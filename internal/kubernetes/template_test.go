package kubernetes

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"

	"github.com/davit-dev/davit"
)

var update = flag.Bool("update", false, "write the golden files anew")

// a release with all that a service can say, for golden files.
func golden(t *testing.T, change func(*davit.Service)) workload {
	t.Helper()
	s := davit.Service{
		Name: "web", Image: "registry.example.org/shop/web:v2", Traffic: true, Port: 8000, Replicas: 3, Protocol: davit.ProtocolHTTP1,
		Env:     map[string]string{"LOG_LEVEL": "warn", "LITERAL": "$(PORT)"},
		Secrets: map[string]string{"TOKEN": "secret:shop/token"},
		Files:   []davit.File{{Path: "conf/app.json", Content: []byte("{}\n"), Mode: 0o640}, {Path: "banner", Content: []byte{0xff, 0}}},
		Command: []string{"/app", "--listen", ":$PORT", "--token", "${TOKEN}", "--name=${DAVIT_INSTANCE}", "$(HOME)"},
		Startup: &davit.Probe{TCP: &davit.TCPProbe{}, Period: davit.Duration(500 * time.Millisecond), FailureThreshold: 30, SuccessThreshold: 2},
		Readiness: &davit.Probe{HTTP: &davit.HTTPProbe{Path: "/healthz?full", Headers: map[string]string{"Host": "shop"}},
			Period: davit.Duration(time.Second), Timeout: davit.Duration(1500 * time.Millisecond), FailureThreshold: 3, SuccessThreshold: 1},
		Liveness:  &davit.Probe{Exec: &davit.ExecProbe{Command: []string{"/app", "check"}}, Period: davit.Duration(10 * time.Second)},
		Resources: davit.Resources{MemoryBytes: 256 << 20, MilliCPU: 500},
		Grace:     davit.Duration(10 * time.Second), DrainLimit: davit.Duration(30 * time.Second),
	}
	if change != nil {
		change(&s)
	}
	r := &davit.Release{
		ID: "v2-1f0c9a3be4d1", Application: "shop", Environment: "production", Version: "v2", ConfigHash: "c0ffee",
		Artifacts: map[string]string{"web": "sha256:" + strings.Repeat("a", 64)},
		Config:    davit.ReleaseConfig{Services: map[string]davit.Service{"web": s}},
	}
	return newWorkload(scope{"shop", "production"}, r, s, true)
}

// objects returns all objects of a workload as the API server is sent them.
func objects(t *testing.T, w workload) []byte {
	t.Helper()
	d, err := w.deployment(3)
	if err != nil {
		t.Fatal(err)
	}
	d.UID = "the-deployment"
	all := []object{}
	own := *d
	own.UID = ""
	all = append(all, &own, w.endpoint(d), w.budget(d, 3))
	if m := w.files(d); m != nil {
		all = append(all, m)
	}
	var text []byte
	for _, o := range all {
		data, err := configuration(o)
		if err != nil {
			t.Fatal(err)
		}
		if data, err = yaml.JSONToYAML(data); err != nil {
			t.Fatal(err)
		}
		text = append(append(text, "---\n"...), data...)
	}
	return text
}

func TestObjects(t *testing.T) {
	for name, change := range map[string]func(*davit.Service){
		"everything": nil,
		"plain": func(s *davit.Service) {
			*s = davit.Service{Name: "web", Image: "web:v2", ImagePullPolicy: "Never", Traffic: true, Protocol: davit.ProtocolH2C, Grace: davit.Duration(10 * time.Second)}
		},
		"worker": func(s *davit.Service) {
			*s = davit.Service{Name: "web", Image: "worker@sha256:" + strings.Repeat("b", 64), Grace: davit.Duration(1500 * time.Millisecond), DrainLimit: davit.Duration(time.Minute)}
		},
		"manifest": func(s *davit.Service) {
			manifest, err := os.ReadFile(filepath.Join("testdata", "manifest.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			*s = davit.Service{Name: "web", Image: s.Image, Manifest: manifest, Traffic: true, Port: 8000, Env: s.Env, Readiness: s.Readiness, Grace: s.Grace, DrainLimit: davit.Duration(2 * time.Second)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := golden(t, change)
			if name == "plain" {
				w.release.Artifacts = nil
			}
			got := objects(t, w)
			path := filepath.Join("testdata", name+".golden.yaml")
			if *update {
				if err := os.WriteFile(path, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != string(want) {
				t.Errorf("the objects are\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// The budget lets one pod go, but none while a release is down to its last.
func TestBudget(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*davit.Service)
		n      int
		want   int
	}{
		"in full":            {nil, 3, 1},
		"two of three":       {nil, 2, 1},
		"the last of three":  {nil, 1, 0},
		"the only one":       {func(s *davit.Service) { s.Replicas = 1 }, 1, 1},
		"a worker's last":    {func(s *davit.Service) { s.Traffic = false }, 1, 1},
		"one to be scaled":   {func(s *davit.Service) { s.Autoscale = &davit.Autoscale{Max: 3} }, 1, 1},
		"none of three, yet": {nil, 0, 1},
	} {
		b := golden(t, c.change).budget(&appsv1.Deployment{}, c.n)
		if b.Spec.MinAvailable != nil || b.Spec.MaxUnavailable.IntValue() != c.want || *b.Spec.UnhealthyPodEvictionPolicy != policyv1.AlwaysAllow {
			t.Errorf("%s: %+v, want %d that may be evicted", name, b.Spec, c.want)
		}
	}
}

// A server that does not know preStop sleeps is asked for none.
func TestNoSleepOnOldServers(t *testing.T) {
	w := golden(t, nil)
	w.sleeps = false
	if text := string(objects(t, w)); strings.Contains(text, "preStop") || !strings.Contains(text, "terminationGracePeriodSeconds: 10\n") {
		t.Errorf("the objects are\n%s", text)
	}
}

// A pod has its service's grace after what it sleeps, whatever its manifest says,
// and longer if that says so.
func TestGraceAfterSleep(t *testing.T) {
	const sleep, exec = "lifecycle: {preStop: {sleep: {seconds: 20}}}", "lifecycle: {preStop: {exec: {command: [/leave]}}}"
	for name, c := range map[string]struct {
		period, lifecycle string
		noTraffic         bool
		want, sleep       int64
	}{
		"none":              {want: 15, sleep: 5},
		"none at all":       {period: "0", want: 15, sleep: 5},
		"less than sleep":   {period: "3", want: 15, sleep: 5},
		"as long as sleep":  {period: "5", want: 15, sleep: 5},
		"as a cluster says": {period: "30", want: 30, sleep: 5},
		"longer":            {period: "120", want: 120, sleep: 5},
		"sleeps itself":     {period: "25", lifecycle: sleep, want: 30, sleep: 20},
		"does something":    {period: "5", lifecycle: exec, want: 10},
		"a worker":          {period: "5", noTraffic: true, want: 10},
	} {
		t.Run(name, func(t *testing.T) {
			manifest := "spec: {containers: [{name: web, " + c.lifecycle + "}]}\n"
			if c.period != "" {
				manifest = "spec: {terminationGracePeriodSeconds: " + c.period + ", containers: [{name: web, " + c.lifecycle + "}]}\n"
			}
			template, err := golden(t, func(s *davit.Service) { s.Manifest, s.Traffic = []byte(manifest), !c.noTraffic }).template()
			if err != nil {
				t.Fatal(err)
			}
			if got := *template.Spec.TerminationGracePeriodSeconds; got != c.want {
				t.Errorf("the pod has %d s, want %d", got, c.want)
			}
			var slept int64
			if l := template.Spec.Containers[0].Lifecycle; l != nil && l.PreStop != nil && l.PreStop.Sleep != nil {
				slept = l.PreStop.Sleep.Seconds
			}
			if slept != c.sleep {
				t.Errorf("it sleeps %d s, want %d", slept, c.sleep)
			}
		})
	}
}

func TestPinned(t *testing.T) {
	const sum = "sha256:1234"
	for image, want := range map[string]string{
		"web":                          "web@" + sum,
		"web:v1":                       "web@" + sum,
		"localhost:5000/web":           "localhost:5000/web@" + sum,
		"localhost:5000/web:v1":        "localhost:5000/web@" + sum,
		"ghcr.io/shop/web@sha256:5678": "ghcr.io/shop/web@sha256:5678",
	} {
		if got := pinned(image, sum); got != want {
			t.Errorf("pinned(%s) = %s, want %s", image, got, want)
		}
	}
}

func TestManifestRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"kind: StatefulSet\n": "StatefulSet is not supported",
		"kind: Job\n":         "Job is not supported",
		"{":                   "it is not YAML",
		"spec: {containers: [{name: a, imagee: b}]}\n":                      `unknown field "spec.containers[0].imagee"`,
		"kind: Pod\nspec: {containers: [{name: a}, {name: b}]}\n":           "none of its 2 containers is named web",
		"kind: Deployment\nspec: {template: {spec: {containers: []}}}\n":    "none of its 0 containers is named web",
		"apiVersion: v1\nkind: PodTemplate\ntemplate: {spec: {wrong: 1}}\n": `unknown field "template.spec.wrong"`,
	} {
		_, _, err := parseManifest([]byte(text), "web")
		e, ok := errors.AsType[*davit.Error](err)
		if !ok || e.Code != davit.CodeInvalid || !strings.Contains(err.Error(), want) || e.Hint == "" {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte("kind: Pod\nspec: {containers: [{name: web}]}\n"))
	f.Add([]byte("spec: {containers: [{name: web, image: a}, {name: b}]}\nmetadata: {labels: {a: b}}\n"))
	f.Add([]byte("kind: Deployment\nspec: {template: {spec: {containers: [{name: x}]}}}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		template, container, err := parseManifest(data, "web")
		if err == nil && (container == nil || len(template.Spec.Containers) == 0) {
			t.Error("neither a container nor an error")
		}
	})
}
