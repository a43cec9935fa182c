package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davit-dev/davit"
)

// runAnalyze runs davit analyze in a folder with a copy of the series.
func runAnalyze(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), append([]string{"analyze"}, args...), strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

func TestAnalyze(t *testing.T) {
	svg := filepath.Join(t.TempDir(), "evidence.svg")
	code, out, errs := runAnalyze(t, "testdata/analyze/series.csv", "--svg", svg)
	if code != exitHauledBack || errs != "" {
		t.Errorf("exit code %d, %s", code, errs)
	}
	compare(t, "testdata/analyze/path.txt", out)
	drawn, err := os.ReadFile(svg)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "testdata/analyze/evidence.svg", string(drawn))
}

// What is printed as JSON is read again as what was recorded.
func TestAnalyzeReadsWhatItRecorded(t *testing.T) {
	_, out, _ := runAnalyze(t, "testdata/analyze/series.csv", "--output", "json")
	var all []analyzed
	if err := json.Unmarshal([]byte(out), &all); err != nil || len(all) != 1 || all[0].Verdict.Outcome != davit.Fail {
		t.Fatalf("%v in %s", err, out)
	}
	recorded := filepath.Join(t.TempDir(), "recorded.json")
	if err := os.WriteFile(recorded, []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	code, again, errs := runAnalyze(t, recorded)
	_, text, _ := runAnalyze(t, "testdata/analyze/series.csv")
	if code != exitOK || !strings.HasPrefix(text, again) || again == "" {
		t.Errorf("exit code %d, %s%s", code, again, errs)
	}
}

func TestAnalyzeRefusesWhatIsNoSeries(t *testing.T) {
	for _, args := range [][]string{{"testdata/errors.txt"}, {"testdata/analyze/series.csv", "--alpha", "2"}} {
		if code, _, errs := runAnalyze(t, args...); code != exitUsage || !strings.Contains(errs, "cannot be analyzed") {
			t.Errorf("%v: exit code %d, %s", args, code, errs)
		}
	}
	if code, _, errs := runAnalyze(t, "no-such-file"); code != exitFailed || errs == "" {
		t.Errorf("exit code %d, %s", code, errs)
	}
}

// TestAnalyzeGuide runs every command that the guide shows.
func TestAnalyzeGuide(t *testing.T) {
	guide, err := os.ReadFile("../../docs/how-to/analysis.md")
	if err != nil {
		t.Fatal(err)
	}
	series, err := os.ReadFile("testdata/analyze/series.csv")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.WriteFile("series.csv", series, 0o600); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for line := range strings.Lines(string(guide)) {
		command, ok := strings.CutPrefix(strings.TrimSpace(line), "davit analyze ")
		if !ok || !strings.HasPrefix(line, "    ") {
			continue
		}
		ran++
		if code, _, errs := runAnalyze(t, strings.Fields(command)...); code != exitHauledBack {
			t.Errorf("davit analyze %s: exit code %d, %s", command, code, errs)
		}
	}
	if ran < 2 {
		t.Errorf("%d commands were found", ran)
	}
}
