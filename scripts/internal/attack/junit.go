package attack

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitMessage `xml:"failure,omitempty"`
	Error   *junitMessage `xml:"error,omitempty"`
	Skipped *junitMessage `xml:"skipped,omitempty"`
	Output  string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes the verdicts as JUnit XML, in the dialect that CI systems agree on: an attack that succeeded is a
// failure, an inconclusive one an error.
func WriteJUnit(w io.Writer, r Report) error {
	suite := junitSuite{Name: "redoubt attacks", Tests: len(r.Attacks) + len(r.Skipped), Failures: r.Count(Succeeded), Errors: r.Count(Inconclusive), Skipped: len(r.Skipped)}
	total := 0.0
	for _, a := range r.Attacks {
		class, name := a.ID, a.ID
		if i := strings.LastIndexByte(a.ID, '.'); i > 0 {
			class, name = a.ID[:i], a.ID[i+1:]
		}
		total += a.Took.Seconds()
		c := junitCase{Class: class, Name: name, Time: fmt.Sprintf("%.3f", a.Took.Seconds()), Output: a.Evidence.Summary}
		message := &junitMessage{Message: a.Evidence.Summary, Type: string(a.Verdict), Text: fmt.Sprintf("threat %s, expected to be stopped by %s", a.Threat, a.BlockedBy)}
		switch a.Verdict {
		case Succeeded:
			c.Failure = message
		case Inconclusive:
			c.Error = message
		}
		suite.Cases = append(suite.Cases, c)
	}
	for _, s := range r.Skipped {
		suite.Cases = append(suite.Cases, junitCase{Class: "skipped", Name: s.ID, Time: "0", Skipped: &junitMessage{Message: s.Reason}})
	}
	suite.Time = fmt.Sprintf("%.3f", total)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(junitSuites{Suites: []junitSuite{suite}}); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
