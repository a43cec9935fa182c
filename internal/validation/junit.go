package validation

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/davit-dev/davit"
)

// The elements of a JUnit report, in the form that CI systems read: the schema
// of Jenkins' xUnit plugin.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Time     string       `xml:"time,attr"` // seconds
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name      string      `xml:"name,attr"`
		Tests     int         `xml:"tests,attr"`
		Failures  int         `xml:"failures,attr"`
		Errors    int         `xml:"errors,attr"`
		Skipped   int         `xml:"skipped,attr"`
		Time      string      `xml:"time,attr"`
		Timestamp string      `xml:"timestamp,attr"`
		Cases     []junitCase `xml:"testcase"`
		took      time.Duration
	}
	junitCase struct {
		Name      string       `xml:"name,attr"`
		Classname string       `xml:"classname,attr"`
		Time      string       `xml:"time,attr"`
		Skipped   *junitSkip   `xml:"skipped"`
		Error     *junitDetail `xml:"error"`
		Failure   *junitDetail `xml:"failure"`
		Output    string       `xml:"system-out,omitempty"`
	}
	junitSkip struct {
		Message string `xml:"message,attr"`
	}
	junitDetail struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes the report as JUnit XML: a test suite for each category. An
// advisory check that failed does not fail the suite; its evidence is in the
// case's output. A required one that could not be told is an error.
func (r *Report) WriteJUnit(w io.Writer) error {
	all := junitSuites{Name: clip("davit validate " + r.Target), Time: seconds(r.Took.D())}
	for _, result := range r.Results {
		if n := len(all.Suites); n == 0 || all.Suites[n-1].Name != string(result.Category) {
			all.Suites = append(all.Suites, junitSuite{Name: string(result.Category), Timestamp: r.At.Format("2006-01-02T15:04:05")})
		}
		all.Suites[len(all.Suites)-1].add(result)
	}
	for i := range all.Suites {
		s := &all.Suites[i]
		s.Time = seconds(s.took)
		all.Tests, all.Failures, all.Errors = all.Tests+s.Tests, all.Failures+s.Failures, all.Errors+s.Errors
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(all); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (s *junitSuite) add(r Result) {
	c := junitCase{Name: r.ID, Classname: "davit." + string(r.Category), Time: seconds(r.Took.D())}
	var evidence strings.Builder
	r.writeEvidence(&evidence)
	detail := &junitDetail{Message: r.Reason, Type: string(r.Severity), Text: evidence.String()}
	switch {
	case r.Outcome == Skipped:
		c.Skipped = &junitSkip{Message: r.Reason}
		s.Skipped++
	case r.Outcome == Failed && r.Severity == davit.Required:
		c.Failure = detail
		s.Failures++
	case r.Outcome == Inconclusive && r.Severity == davit.Required:
		c.Error = detail
		s.Errors++
	default:
		c.Output = evidence.String()
	}
	s.Tests++
	s.took += r.Took.D()
	s.Cases = append(s.Cases, c)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
