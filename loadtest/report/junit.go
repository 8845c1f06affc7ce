package report

import (
	"encoding/xml"
	"fmt"
	"io"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name      string      `xml:"name,attr"`
	Tests     int         `xml:"tests,attr"`
	Failures  int         `xml:"failures,attr"`
	Skipped   int         `xml:"skipped,attr"`
	Timestamp string      `xml:"timestamp,attr"`
	Cases     []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure *junitMessage `xml:"failure,omitempty"`
	Skipped *junitMessage `xml:"skipped,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
}

// JUnit writes what a run can fail by as JUnit XML: that it is to be believed, and, if there is a comparison, each of
// its measures. What wasn't measured or compared is a skipped case.
func JUnit(w io.Writer, r Result, c *Comparison) error {
	stamp := r.Began.UTC().Format("2006-01-02T15:04:05")
	all := junitSuites{Name: "lab bench", Suites: []junitSuite{believed(r)}}
	if c != nil {
		all.Suites = append(all.Suites, c.junit())
	}
	for i := range all.Suites {
		s := &all.Suites[i]
		s.Timestamp, s.Tests = stamp, len(s.Cases)
		for _, each := range s.Cases {
			if each.Failure != nil {
				s.Failures++
			}
			if each.Skipped != nil {
				s.Skipped++
			}
		}
		all.Tests, all.Failures = all.Tests+s.Tests, all.Failures+s.Failures
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func believed(r Result) junitSuite {
	s := junitSuite{Name: "harness"}
	same := junitCase{Class: "harness", Name: "A/A finds no difference"}
	switch {
	case r.AA.Pairs == 0:
		same.Skipped = &junitMessage{absent}
	case !r.AA.CI999.Contains(0):
		same.Failure = &junitMessage{fmt.Sprintf("the platform differs from itself by %s us (99.9 %% interval %s)", signed(r.AA.Diff), between(r.AA.CI999))}
	}
	s.Cases = append(s.Cases, same)
	for _, c := range r.Calibration {
		each := junitCase{Class: "harness", Name: fmt.Sprintf("%s us injected into %s at %s come back", us(c.Injected), c.Control, c.Hop)}
		if c.Off() {
			each.Failure = &junitMessage{fmt.Sprintf("%s us came back", us(c.Recovered))}
		}
		s.Cases = append(s.Cases, each)
	}
	for _, l := range r.Load {
		each := junitCase{Class: "harness", Name: "k6 sends every request of " + l.Profile}
		if l.Dropped > 0 {
			each.Failure = &junitMessage{fmt.Sprintf("%d dropped", l.Dropped)}
		}
		s.Cases = append(s.Cases, each)
	}
	return s
}
