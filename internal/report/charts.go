package report

import (
	"math"
	"strconv"
	"time"

	"github.com/davit-dev/davit"
	"github.com/davit-dev/davit/internal/plot"
	"github.com/davit-dev/davit/internal/receipt"
)

// maxMarks is how many stages are marked in a chart: more could not be read.
const maxMarks = 12

// charts returns what happened over time. The split is of the receipt, to the
// millisecond; the others are of the samples.
func charts(s Source, t timeline) []*plot.Chart {
	p := s.Statement.Predicate
	ids := releases(p)
	chart := func(title, unit string) *plot.Chart {
		return &plot.Chart{Title: title, Unit: unit, From: t.from, To: t.to, Marks: marks(p)}
	}
	split := chart("Traffic by release", "%")
	for _, id := range ids {
		split.Series = append(split.Series, plot.Series{Name: id.Short(), Points: shares(p, id, t), Step: true})
	}
	list := []*plot.Chart{split}
	if s.Samples == nil {
		return list
	}
	failed, latency := chart("Failed requests by release", "%"), chart("Latency by release", "ms")
	rate, instances := chart("Requests by release", "/s"), chart("Ready instances by release", "")
	latency.Log = true
	for _, id := range ids {
		m := s.Samples.Releases[id]
		if m == nil {
			continue
		}
		add := func(c *plot.Chart, name string, step bool, value func(i int) float64) {
			c.Series = append(c.Series, plot.Series{Name: name, Points: points(s.Samples, value), Step: step})
		}
		name := id.Short()
		add(failed, name, false, func(i int) float64 { return percent(m.Failures[i], m.Requests[i]) })
		add(latency, name+" p50", false, func(i int) float64 { return milliseconds(m.P50[i]) })
		add(latency, name+" p99", false, func(i int) float64 { return milliseconds(m.P99[i]) })
		add(rate, name, false, func(i int) float64 { return perSecond(s.Samples, i, m.Requests[i]) })
		add(instances, name, true, func(i int) float64 { return float64(m.Ready[i]) })
	}
	return append(list, failed, latency, rate, instances)
}

// releases returns the releases that took part, stable first.
func releases(p receipt.Predicate) []davit.ReleaseID {
	var ids []davit.ReleaseID
	for i := len(p.Releases) - 1; i >= 0; i-- {
		if id := p.Releases[i].ID; len(ids) == 0 || ids[0] != id {
			ids = append(ids, id)
		}
	}
	return ids
}

// shares returns the share of a release over time, from what was routed.
func shares(p receipt.Predicate, id davit.ReleaseID, t timeline) []plot.Point {
	value := func(s davit.Split) float64 { return float64(s[id]) / davit.Whole * 100 }
	list := []plot.Point{{At: t.from, Value: value(p.Plan.Origin.Split)}}
	for _, s := range p.Stages {
		for _, r := range s.Splits {
			list = append(list, plot.Point{At: r.At, Value: value(r.Split)})
		}
	}
	return list
}

// marks are where stages began, by their number in the table.
func marks(p receipt.Predicate) []plot.Mark {
	var list []plot.Mark
	for i, s := range p.Stages {
		if i == maxMarks {
			break
		}
		label := strconv.Itoa(i + 1)
		if s.Back {
			label = "hauled back"
		}
		list = append(list, plot.Mark{At: s.From, Label: label})
	}
	return list
}

// points returns a value over time. Where samples are missing the line is cut.
func points(s *receipt.Series, value func(i int) float64) []plot.Point {
	var list []plot.Point
	for i, ms := range s.At {
		at := s.Start.Add(time.Duration(ms) * time.Millisecond)
		if i > 0 && ms-s.At[i-1] > 3*s.Interval.D().Milliseconds() {
			list = append(list, plot.Point{At: at, Value: math.NaN()})
		}
		list = append(list, plot.Point{At: at, Value: value(i)})
	}
	return list
}

// percent returns a part of a whole; NaN of nothing.
func percent(part, whole int64) float64 {
	if whole <= 0 {
		return math.NaN()
	}
	return float64(part) / float64(whole) * 100
}

// milliseconds returns microseconds as such; NaN when nothing was measured.
func milliseconds(us int64) float64 {
	if us <= 0 {
		return math.NaN()
	}
	return float64(us) / 1000
}

// perSecond returns a count over the time that a point covers.
func perSecond(s *receipt.Series, i int, n int64) float64 {
	length := s.Interval.D().Seconds()
	if i > 0 {
		length = float64(s.At[i]-s.At[i-1]) / 1000
	}
	if length <= 0 {
		return math.NaN()
	}
	return float64(n) / length
}
