package page

import (
	"encoding/json"
	"net/http"
	"slices"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/telemetry"
)

// Where a page's browser says what it has refused (by the policy), and its script what it has shown as words.
const (
	refusedPath = "/refused"
	markupPath  = "/markup"
)

// SwitchOff has the page go on without these of its controls, and with all others: for a lab that was started as unsafe, to show
// what each of them stops.
func (s *Server) SwitchOff(ids []string) {
	own := slices.Clone(ids)
	s.off.Store(&own)
	if len(own) > 0 {
		s.cfg.Log.Warn("UNSAFE: controls are switched off", "controls", own)
	}
}

func (s *Server) on(id string) bool {
	ids := s.off.Load()
	return ids == nil || !slices.Contains(*ids, id)
}

// deny records a refusal, with the address that it was refused to.
func (s *Server) deny(r *http.Request, id, reason string, attrs ...any) {
	if s.records.Allow() {
		controls.Record(telemetry.WithLogger(r.Context(), s.cfg.Log), id, controls.Deny, reason, append(attrs, "peer", r.RemoteAddr)...)
	}
}

// refused records what a browser reports: its policy kept markup from becoming a program (Content Security Policy Level 3, section 5).
func (s *Server) refused(w http.ResponseWriter, r *http.Request) {
	var said struct {
		Report struct {
			Directive string `json:"effective-directive"`
			Sample    string `json:"script-sample"`
			Blocked   string `json:"blocked-uri"`
		} `json:"csp-report"`
	}
	if json.NewDecoder(http.MaxBytesReader(w, r.Body, mostHeader)).Decode(&said) == nil && said.Report.Directive != "" {
		s.deny(r, controls.InfraPageCSP, "the browser kept it from becoming a program", "directive", short(said.Report.Directive),
			"blocked", short(said.Report.Blocked), "words", short(said.Report.Sample))
	}
	w.WriteHeader(http.StatusNoContent)
}

// markup records what the page's script has come upon: words with markup in them, which it has shown as words.
func (s *Server) markup(w http.ResponseWriter, r *http.Request) {
	var said struct {
		Words string `json:"words"`
	}
	if json.NewDecoder(http.MaxBytesReader(w, r.Body, mostHeader)).Decode(&said) == nil && said.Words != "" {
		s.deny(r, controls.InfraPageWords, "markup was shown as the words that it is", "words", short(said.Words))
	}
	w.WriteHeader(http.StatusNoContent)
}

const mostWords = 200

// short is as much of what somebody else has chosen as is kept.
func short(text string) string { return text[:min(len(text), mostWords)] }
