package plot

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files")

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

func after(seconds float64) time.Time {
	return noon.Add(time.Duration(seconds * float64(time.Second)))
}

func TestGolden(t *testing.T) {
	for name, c := range map[string]Chart{
		"lines": {
			Title: "Errors by release", Unit: "%",
			Series: []Series{
				{Name: "v1", Points: []Point{{noon, 0.1}, {after(10), 0.12}, {after(20), 0.09}, {after(30), 0.1}}},
				{Name: "v2", Points: []Point{{noon, 0}, {after(10), math.NaN()}, {after(20), 4.9}, {after(30), 5.2}}},
			},
			Limits: []Limit{{2, "guard 2%"}},
			Marks:  []Mark{{after(5), "canary 5%"}, {after(29), "hauled back"}},
		},
		"steps": {
			Title: "Split", Unit: "%",
			Series: []Series{{Name: "v2", Step: true, Points: []Point{{noon, 0}, {after(60), 5}, {after(600), 25}, {after(5400), 100}}}},
			To:     after(7200),
		},
		"log": {
			Title: "Evidence", Log: true,
			Series: []Series{{Name: "errors", Points: []Point{{noon, 1}, {after(1), 0}, {after(2), 0.02}, {after(3), 1e4}}}},
			Limits: []Limit{{100, "1/alpha"}},
		},
		"empty":   {Title: "Nothing <yet> & \"quoted\"", Limits: []Limit{{1, "one"}}},
		"a point": {Title: "One", Series: []Series{{Name: "alone", Points: []Point{{noon, 3}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.SVG()
			path := filepath.Join("testdata", strings.ReplaceAll(name, " ", "-")+".svg")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("the chart differs from %s; look at it, then run with -update", path)
			}
			wellFormed(t, got)
		})
	}
}

// Whatever the data, the chart is XML, has no number that is none, and draws
// nothing outside of its view.
func TestAnyData(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.Float64(), rapid.Float64Range(-10, 1000), rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1), 0}))
		point := rapid.Custom(func(t *rapid.T) Point {
			return Point{after(rapid.Float64Range(-1e6, 1e6).Draw(t, "at")), value.Draw(t, "value")}
		})
		c := Chart{
			Title: rapid.String().Draw(t, "title"), Unit: rapid.String().Draw(t, "unit"), Log: rapid.Bool().Draw(t, "log"),
			Series: []Series{{Name: rapid.String().Draw(t, "name"), Step: rapid.Bool().Draw(t, "step"), Points: rapid.SliceOf(point).Draw(t, "points")}},
			Limits: []Limit{{value.Draw(t, "limit"), "limit"}},
			Marks:  []Mark{{after(rapid.Float64Range(-1e6, 1e6).Draw(t, "mark")), rapid.String().Draw(t, "label")}},
		}
		svg := c.SVG()
		wellFormed(t, svg)
		for _, wrong := range []string{"NaN", "Inf", "%!"} {
			if strings.Contains(paths(svg), wrong) {
				t.Fatalf("%s in %s", wrong, svg)
			}
		}
	})
}

// paths returns what of the chart is drawn, without its texts.
func paths(svg string) string {
	var all strings.Builder
	for _, part := range strings.Split(svg, ` d="`)[1:] {
		all.WriteString(part[:strings.IndexByte(part, '"')] + "\n")
	}
	return all.String()
}

func wellFormed(t interface {
	Helper()
	Fatalf(string, ...any)
}, svg string) {
	t.Helper()
	tokens := xml.NewDecoder(strings.NewReader(svg))
	for {
		_, err := tokens.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("not well formed: %v in %s", err, svg)
		}
	}
}
