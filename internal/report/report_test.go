package report_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/receipt"
	"github.com/davit-dev/davit/internal/report"
)

// source is the golden receipt, with samples.
func source(t testing.TB) report.Source {
	t.Helper()
	s := report.Source{Seal: report.Seal{Verified: true, Text: "The receipt is sound."}}
	var err error
	if s.File, err = os.ReadFile("../receipt/testdata/receipt.json"); err != nil {
		t.Fatal(err)
	}
	if s.Statement, _, err = receipt.Read(s.File); err != nil {
		t.Fatal(err)
	}
	s.Samples = receipt.NewSeries(s.Statement.Predicate.Rollout.StartedAt, time.Second)
	stable, target := s.Statement.Predicate.Plan.Stable, s.Statement.Predicate.Plan.Target
	for i := range 30 {
		samples := map[davit.ReleaseID]receipt.Sample{}
		for id, slow := range map[davit.ReleaseID]time.Duration{stable: 1, target: 4} {
			var traffic davit.Traffic
			traffic.Requests, traffic.Failures = 200, int64(i/10)*int64(slow-1)
			for n := range 200 {
				traffic.Latency.Observe(slow * time.Duration(n+1) * 100 * time.Microsecond)
			}
			samples[id] = receipt.Sample{Traffic: traffic, Ready: min(i, 2), Running: 2}
		}
		s.Samples.Add(time.Duration(i+1)*time.Second, samples)
	}
	return s
}

func write(t testing.TB, s report.Source) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.Write(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestReportHoldsAll(t *testing.T) {
	s := source(t)
	page := write(t, s)
	for _, want := range []string{
		"deploy to v2", "shop / production", "rolled back", "uid 1000 (anna): new &lt;checkout&gt;", "4.2% of 240 requests failed",
		"Traffic by release", "Failed requests by release", "Latency by release", "Requests by release", "Ready instances by release",
		"back from canary 100%", "pause by uid 0 (root): lunch", "the proxy did not answer", "The receipt is sound.",
		base64.StdEncoding.EncodeToString(s.File),
	} {
		if !strings.Contains(page, want) && !strings.Contains(strings.ReplaceAll(page, "&#43;", "+"), want) {
			t.Errorf("the report lacks %.80q", want)
		}
	}
	if n := strings.Count(page, "<svg"); n != 5 {
		t.Errorf("%d charts, want 5", n)
	}
	for _, chart := range regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(page, -1) {
		wellFormed(t, chart)
		if strings.Contains(chart, "no data") {
			t.Errorf("a chart has no data: %.200s", chart)
		}
	}
	if again := write(t, s); again != page {
		t.Error("the same receipt is drawn in two ways")
	}
}

// TestReportAsksForNothing: a browser would fetch nothing to show the page.
func TestReportAsksForNothing(t *testing.T) {
	page := write(t, source(t))
	for _, fetched := range regexp.MustCompile(`(?i)(?:src|href|action|data|poster|srcset)\s*=\s*"([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(fetched[1], "data:application/json;base64,") {
			t.Errorf("the report refers to %.100s", fetched[1])
		}
	}
	if found := regexp.MustCompile(`(?i)<script|<link|<iframe|<img|@import|url\(|javascript:|\son[a-z]+=`).FindString(page); found != "" {
		t.Errorf("the report has %q", found)
	}
}

// TestHostileText: what others wrote is shown, not obeyed.
func TestHostileText(t *testing.T) {
	s := source(t)
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(2)>`
	p := &s.Statement.Predicate
	p.Requested.Reason, p.Reason, p.Rollout.Application, p.Rollout.ID = evil, evil, evil, evil
	p.Stages[1].Verdicts[0].Reason, p.Stages[0].Name, p.Plan.Stages[0].Gates[0].Name = evil, evil, evil
	p.Commands[0].Message, p.Incidents[0].Message, p.Builder.Version = evil, evil, evil
	for i := range p.Releases {
		p.Releases[i].Version = evil
	}
	page := write(t, s)
	if strings.Contains(page, "<script") || strings.Contains(page, "<img") {
		t.Error("what somebody wrote became part of the page")
	}
}

// TestOddReports draws what there is when there is little, or no sense in it.
func TestOddReports(t *testing.T) {
	for name, change := range map[string]func(*report.Source){
		"no samples": func(s *report.Source) { s.Samples = nil },
		"no witness": func(s *report.Source) { s.Statement.Predicate.Witness = nil },
		"a witness that was away": func(s *report.Source) {
			*s.Statement.Predicate.Witness = davit.Measured{Absent: "the environment declares no witness"}
		},
		"never began": func(s *report.Source) {
			p := &s.Statement.Predicate
			p.Rollout.StartedAt, p.Stages, p.Plan.Stages = time.Time{}, nil, nil
		},
		"the clock went back": func(s *report.Source) {
			p := &s.Statement.Predicate
			p.Rollout.EndedAt = p.Rollout.StartedAt.Add(-time.Hour)
			p.Stages[1].From = p.Rollout.StartedAt.Add(-2 * time.Hour)
			s.Samples.At[3] = -5
		},
		"a stage that the plan lacks": func(s *report.Source) { s.Statement.Predicate.Stages[1].Index = 99 },
	} {
		t.Run(name, func(t *testing.T) {
			s := source(t)
			change(&s)
			page := write(t, s)
			if found := regexp.MustCompile(`(?:width|left):-|NaN|Inf|%!|ZgotmplZ`).FindString(page); found != "" {
				t.Errorf("the report has %q", found)
			}
			for _, chart := range regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(page, -1) {
				wellFormed(t, chart)
			}
		})
	}
}

func wellFormed(t *testing.T, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%v in %.200s", err, text)
		}
	}
}

// TestSamplesAreThoseOfTheReceipt: others are refused.
func TestSamplesAreThoseOfTheReceipt(t *testing.T) {
	s := source(t)
	doc, err := json.Marshal(s.Samples)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Statement.SeriesOf(doc); err == nil {
		t.Error("samples that the receipt does not know were taken")
	}
}
