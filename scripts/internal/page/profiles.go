package page

import (
	"fmt"
	"html/template"
	"net/http"

	"redoubt.example/loadtest/report"
	drawn "redoubt.example/loadtest/report/page"
	"redoubt.example/services/platform/controls"
)

// frontierStyle is where the plot's styles are: the policy allows none in the page.
const frontierStyle = "/frontier.css"

// Measured is a run of `lab bench`, and where it is from.
type Measured struct {
	Result report.Result
	From   string
}

// compared is what the controls' view shows of a run.
type compared struct {
	From, When, Machine, Request string
	Figure                       template.HTML
	Profiles                     []comparedProfile
}

type comparedProfile struct{ Name, Says, Added, Interval, Rate, Stopped, Reach string }

// profiles is the run that is shown; nil where there is none.
func (s *Server) profiles() *compared {
	if s.cfg.Measured == nil {
		return nil
	}
	m, err := s.cfg.Measured()
	if err != nil {
		s.cfg.Log.Warn("what the profiles cost can't be shown", "error", err.Error())
		return nil
	}
	r := m.Result
	c := &compared{From: m.From, When: r.Began.Format("2 January 2006"), Machine: fmt.Sprintf("%d processors", r.Machine.Processors), Request: r.Method.Request}
	c.Figure, _, err = drawn.Inline(r)
	if err != nil {
		s.cfg.Log.Warn("the frontier can't be drawn", "error", err.Error())
	}
	for _, p := range r.Profiles {
		row := comparedProfile{Name: p.Name, Added: report.Signed(p.AddedP50), Interval: "–", Rate: "–", Stopped: "–", Reach: "–"}
		if known, err := controls.LookupProfile(p.Name); err == nil {
			row.Says = known.Says
		}
		if p.CI95.Measured() {
			row.Interval = report.Between(p.CI95)
		}
		if p.Throughput > 0 {
			row.Rate = fmt.Sprintf("%.0f", p.Throughput)
		}
		if p.Attacks > 0 {
			row.Stopped = fmt.Sprintf("%d of %d", p.Blocked, p.Attacks)
		}
		if p.Reach != nil {
			row.Reach = fmt.Sprint(*p.Reach)
		}
		c.Profiles = append(c.Profiles, row)
	}
	return c
}

func (s *Server) frontierStyle(w http.ResponseWriter, r *http.Request) {
	if s.cfg.Measured == nil {
		http.NotFound(w, r)
		return
	}
	m, err := s.cfg.Measured()
	if err != nil {
		http.NotFound(w, r)
		return
	}
	_, css, err := drawn.Inline(m.Result)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write([]byte(css)) // the browser has gone: nobody to tell
}
