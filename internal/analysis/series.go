package analysis

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Series is a recorded series of looks, to be replayed.
type Series struct {
	// Metrics names the events that are counted; only errors when empty.
	Metrics []string `json:"metrics,omitempty"`
	Looks   []Look   `json:"looks"`
}

// maxSeries bounds a series that is read, in bytes.
const maxSeries = 256 << 20

// ReadSeries reads a series: JSON as Series has it, or CSV with the columns
//
//	at,stable_requests,stable_errors,candidate_requests,candidate_errors
//
// where at is a time (RFC 3339) or a number of seconds, counts are cumulative,
// and after the errors of both releases stable_NAME and candidate_NAME may
// count further metrics. A column epoch tells lives of the counters apart.
func ReadSeries(r io.Reader) (*Series, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxSeries+1))
	if err != nil {
		return nil, fmt.Errorf("reading the series: %w", err)
	}
	if len(data) > maxSeries {
		return nil, fmt.Errorf("the series is larger than %d MiB", maxSeries>>20)
	}
	read := readCSV
	if trimmed := bytes.TrimSpace(data); len(trimmed) > 0 && trimmed[0] == '{' {
		read = readJSON
	}
	s, err := read(data)
	if err != nil {
		return nil, err
	}
	if len(s.Looks) == 0 {
		return nil, errors.New("the series has no look")
	}
	return s, nil
}

func readJSON(data []byte) (*Series, error) {
	s := &Series{}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(s); err != nil {
		return nil, fmt.Errorf("the series is no JSON as expected: %w", err)
	}
	if len(s.Metrics) == 0 {
		s.Metrics = []string{"errors"}
	}
	return s, nil
}

func readCSV(data []byte) (*Series, error) {
	rows := csv.NewReader(bytes.NewReader(data))
	rows.TrimLeadingSpace = true
	header, err := rows.Read()
	if err != nil {
		return nil, fmt.Errorf("the series has no header: %w", err)
	}
	c, s, err := columnsOf(header)
	if err != nil {
		return nil, err
	}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return s, nil
		}
		if err != nil {
			return nil, fmt.Errorf("the series is no CSV: %w", err)
		}
		look, err := c.look(row)
		if err != nil {
			line, _ := rows.FieldPos(0)
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		s.Looks = append(s.Looks, look)
	}
}

// columns are the places of a look's parts in a row.
type columns struct {
	at, epoch         int
	stable, candidate []int // requests, then events
}

// columnsOf finds the columns of a header and the metrics that they count.
func columnsOf(header []string) (columns, *Series, error) {
	places := map[string]int{}
	for i, name := range header {
		places[strings.TrimSpace(name)] = i
	}
	find := func(name string) int {
		if i, ok := places[name]; ok {
			return i
		}
		return -1
	}
	s := &Series{Metrics: []string{"errors"}}
	for _, name := range header {
		metric, ok := strings.CutPrefix(strings.TrimSpace(name), "candidate_")
		if ok && metric != "requests" && metric != "errors" {
			s.Metrics = append(s.Metrics, metric)
		}
	}
	c := columns{at: find("at"), epoch: find("epoch")}
	for _, what := range append([]string{"requests"}, s.Metrics...) {
		c.stable, c.candidate = append(c.stable, find("stable_"+what)), append(c.candidate, find("candidate_"+what))
	}
	for _, i := range append(append([]int{c.at}, c.stable...), c.candidate...) {
		if i < 0 {
			return c, nil, fmt.Errorf("the series' columns are %s; it takes at, stable_requests, stable_errors, candidate_requests and candidate_errors, and every further metric of both",
				strings.Join(header, ", "))
		}
	}
	return c, s, nil
}

func (c columns) look(row []string) (l Look, err error) {
	if l.At, err = parseTime(row[c.at]); err != nil {
		return l, err
	}
	if c.epoch >= 0 {
		l.Epoch = row[c.epoch]
	}
	if l.Stable, err = parseCounts(row, c.stable); err != nil {
		return l, err
	}
	l.Candidate, err = parseCounts(row, c.candidate)
	return l, err
}

func parseCounts(row []string, places []int) (c Counts, err error) {
	for i, place := range places {
		n, err := strconv.ParseInt(strings.TrimSpace(row[place]), 10, 64)
		if err != nil {
			return c, fmt.Errorf("%q is no count", row[place])
		}
		if i == 0 {
			c.Requests = n
		} else {
			c.Events = append(c.Events, n)
		}
	}
	return c, nil
}

// parseTime reads a time, or seconds since 1970.
func parseTime(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		if !(seconds >= 0 && seconds < 1e11) {
			return time.Time{}, fmt.Errorf("%q is no time", text)
		}
		return time.UnixMicro(int64(seconds * 1e6)).UTC(), nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is neither a time nor a number of seconds", text)
	}
	return at.UTC(), nil
}

// Replay has a comparison look at a series, and returns it with the look at which
// harm was certain; -1 when it never was. It looks no further than that.
func Replay(s *Series, o Options) (*Comparison, int, error) {
	c, err := New(o)
	if err != nil {
		return nil, 0, err
	}
	for i, l := range s.Looks {
		if err := c.Observe(l); err != nil {
			return nil, 0, err
		}
		if c.Harmful() >= 0 {
			return c, i, nil
		}
	}
	return c, -1, nil
}
