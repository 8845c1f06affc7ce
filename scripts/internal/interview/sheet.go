package interview

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"redoubt.example/threatmodel"
)

// Answer is the interviewer's sheet, as `lab interview sheet --json` prints it.
type Answer struct {
	Warning   string                `json:"warning"`
	Interview threatmodel.Interview `json:"interview"`
	Worth     int                   `json:"worth"` // of all criteria
	Details   map[string]string     `json:"details"`
	// Configured says where each control of the trace is configured.
	Configured map[string]threatmodel.Configuration `json:"configured"`
	// Solution is the exercise's reference solution, where it rests on one.
	Solution *threatmodel.Solution `json:"solution,omitempty"`
}

// warning heads each sheet.
const warning = "INTERVIEWER ONLY: THIS IS THE ANSWER. A candidate who reads on ends the interview; that it was opened is in the report."

// NewAnswer makes the sheet of an interview.
func NewAnswer(i threatmodel.Interview) (Answer, error) {
	a := Answer{Warning: warning, Interview: i, Details: map[string]string{}, Configured: map[string]threatmodel.Configuration{}}
	if len(i.Variants) > 0 {
		a.Details = i.Variants[0]
	}
	for _, c := range i.Rubric {
		a.Worth += c.Worth
	}
	configured, err := threatmodel.Configured()
	if err != nil {
		return a, err
	}
	for _, t := range i.Trace {
		a.Configured[t.Control] = configured[t.Control]
	}
	all, err := threatmodel.Exercises()
	if err != nil {
		return a, err
	}
	if at := slices.IndexFunc(all, func(e threatmodel.Exercise) bool { return e.ID == i.Exercise }); at >= 0 {
		a.Solution = &all[at].Solution
	}
	return a, nil
}

// Write prints the sheet as text, or as Markdown, 100 columns wide.
func (a Answer) Write(w io.Writer, markdown bool) error {
	d := document{w: w, markdown: markdown}
	i := a.Interview
	d.title(a.Warning)
	d.say("%s. Level %s, %s, %d points; threats %s.", i.Title, i.Level, i.Kind, a.Worth, strings.Join(i.Threats, ", "))
	d.heading("Told to the candidate")
	for paragraph := range strings.SplitSeq(strings.TrimSpace(i.Told), "\n\n") {
		d.say("%s", paragraph)
	}
	d.heading("What is so")
	switch {
	case i.Exercise != "":
		d.say("The lab is broken as in exercise %s; `lab interview check` grades what the candidate mended. %s", i.Exercise, a.reasoning())
	case len(i.Attacks) > 0:
		d.say("These attacks run, again and again, while the interview lasts: %s.", strings.Join(i.Attacks, ", "))
	default:
		d.say("Nothing is broken. The lab is there to be looked at and tried on.")
	}
	d.heading("Rubric (a strong answer gets all points, an adequate one half, a weak one none)")
	for n, c := range i.Rubric {
		d.item(fmt.Sprintf("%d. %s: __ of %d", n+1, c.Point, c.Worth))
		d.under("strong", c.Strong)
		d.under("adequate", c.Adequate)
		d.under("weak", c.Weak)
	}
	d.heading("The trace through every layer")
	for _, t := range i.Trace {
		d.item(t.Layer + ", " + t.Control)
		d.under("says", t.Says)
		d.under("configured in", a.Configured[t.Control].File)
		if t.See != "" {
			d.under("see", t.See)
		}
	}
	d.say("With code and the last evidence of this lab: %s", commands("lab threat trace ", i.Threats))
	d.heading("Follow-ups")
	for _, text := range i.FollowUp {
		d.item(text)
	}
	d.heading("Common wrong turns, and what to ask then")
	for _, t := range i.Wrong {
		d.item(t.Says)
		d.under("ask", t.Ask)
	}
	return d.err
}

func (a Answer) reasoning() string {
	if a.Solution == nil {
		return ""
	}
	return strings.Join(strings.Fields(a.Solution.Reasoning), " ")
}

func commands(verb string, args []string) string {
	all := make([]string, len(args))
	for i, arg := range args {
		all[i] = verb + arg
	}
	return strings.Join(all, "; ")
}
