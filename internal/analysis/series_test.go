package analysis

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/davit-dev/davit"
)

const someCSV = `at,stable_requests,stable_errors,candidate_requests,candidate_errors,stable_slow,candidate_slow,epoch
0,0,0,0,0,0,0,a
1.5,95,0,5,3,0,0,a
2026-11-02T12:00:00Z,190,0,10,6,1,2,a
`

func TestReadSeries(t *testing.T) {
	s, err := ReadSeries(strings.NewReader(someCSV))
	if err != nil {
		t.Fatal(err)
	}
	last := s.Looks[2]
	if len(s.Looks) != 3 || s.Metrics[1] != "slow" || s.Looks[1].At != time.UnixMilli(1500).UTC() ||
		!last.At.Equal(start) || last.Candidate.Requests != 10 || last.Candidate.Events[1] != 2 || last.Stable.Events[1] != 1 || last.Epoch != "a" {
		t.Errorf("%+v", s)
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ReadSeries(strings.NewReader(string(text)))
	if err != nil || len(again.Looks) != 3 || again.Looks[2].Candidate.Events[1] != 2 {
		t.Errorf("as JSON it reads %+v, %v", again, err)
	}
}

func TestSeriesThatAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":           "",
		"no look":           "at,stable_requests,stable_errors,candidate_requests,candidate_errors\n",
		"a column missing":  "at,stable_requests,candidate_requests,candidate_errors\n1,2,3,4\n",
		"half a metric":     "at,stable_requests,stable_errors,candidate_requests,candidate_errors,candidate_slow\n1,2,3,4,5,6\n",
		"no number":         "at,stable_requests,stable_errors,candidate_requests,candidate_errors\n1,2,x,4,5\n",
		"no time":           "at,stable_requests,stable_errors,candidate_requests,candidate_errors\nnoon,2,3,4,5\n",
		"rows of two sizes": "at,stable_requests,stable_errors,candidate_requests,candidate_errors\n1,2,3,4\n",
		"another JSON":      `{"looks":[],"what":1}`,
	} {
		if _, err := ReadSeries(strings.NewReader(text)); err == nil {
			t.Errorf("%s: it was read", name)
		}
	}
}

func TestReplayEndsWithHarm(t *testing.T) {
	s := &Series{}
	for i := range 100 {
		n := int64(i)
		s.Looks = append(s.Looks, Look{At: start.Add(time.Duration(i) * time.Second), Stable: one(95*n, 0), Candidate: one(5*n, 2*n)})
	}
	c, at, err := Replay(s, options())
	if err != nil || at < 1 || at > 5 || c.Verdict().Outcome != davit.Fail {
		t.Errorf("harm at look %d, %v", at, err)
	}
}

func TestRecorded(t *testing.T) {
	c := newComparison(t, options())
	c.Stage(start, time.Hour)
	serve(t, c, 10, one(5, 0), one(95, 0))
	evidence, err := json.Marshal(c.Evidence())
	if err != nil {
		t.Fatal(err)
	}
	rollout, err := json.Marshal(davit.Rollout{ID: "r", Verdicts: []davit.Verdict{{Gate: "bake"}, {Gate: "analysis", Evidence: evidence}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"evidence": string(evidence), "a rollout": string(rollout), "a list": "[" + string(rollout) + "]",
		"a journal": `{"kind":"held"}` + "\n" + `{"kind":"verdict","data":{"evidence":` + string(evidence) + "}}\n",
	} {
		found, err := Recorded(strings.NewReader(text))
		if err != nil || len(found) != 1 || found[0].Metrics[0].Candidate.Requests != 45 {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
	for name, text := range map[string]string{
		"no JSON":  "at,1",
		"no point": `{"options":{},"threshold":1,"metrics":[{}],"path":[{"e":[]}]}`,
	} {
		if _, err := Recorded(strings.NewReader(text)); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

func FuzzSeries(f *testing.F) {
	f.Add(someCSV)
	f.Add(`{"metrics":["errors"],"looks":[{"at":"2026-11-02T12:00:00Z","stable":{"requests":1,"events":[0]},"candidate":{"requests":1,"events":[1]}}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ReadSeries(strings.NewReader(text))
		if err != nil || len(s.Metrics) > 10 || len(s.Looks) > 1000 {
			return
		}
		for _, l := range s.Looks { // what is replayed must end
			if l.Stable.Requests > 1e4 || l.Candidate.Requests > 1e4 {
				return
			}
		}
		o := options()
		o.Metrics = nil
		for _, name := range s.Metrics {
			o.Metrics = append(o.Metrics, Metric{Name: name})
		}
		c, _, err := Replay(s, o)
		if err != nil {
			return
		}
		if _, err := json.Marshal(c.Evidence()); err != nil {
			t.Fatal(err)
		}
	})
}
