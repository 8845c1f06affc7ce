// Package attack runs the attacks of loadtest/attacks against a lab and judges them: by evidence (Run), and by taking
// the controls away that are said to stop them (Prove).
package attack

import (
	"context"
	"io/fs"
	"os"
	"slices"
	"time"

	"redoubt.example/loadtest/attacks"
	"redoubt.example/scripts/internal/browser"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/services/platform/controls"
)

// Verdict is what became of an attack.
type Verdict string

// The verdicts. Only the first two are good.
const (
	Blocked      Verdict = "blocked"      // refused, and the control that is said to stop it says so itself
	Found        Verdict = "found"        // no control stops it, and the alert that it is said to raise was raised
	Succeeded    Verdict = "succeeded"    // the attacker got what the threat names
	Inconclusive Verdict = "inconclusive" // a refusal without evidence, a benign twin that failed, a script that broke
)

// Lab is the running lab that is attacked.
type Lab struct {
	Client  *control.Client
	Status  control.Status
	RunDir  string // sockets, and our scratch
	Logs    string // one file per component
	Token   func(user string, scopes ...string) (string, error)
	K6      string // the generator's binary
	Scripts fs.FS  // the suite's folder: what is edited there is what runs
	Control func(id string) (layer, owner string, ok bool)
	// Deviation is what is off or on in the lab otherwise than its profile has it.
	Deviation []string
	Model     bool // a language model is behind inference
	Limited   bool // its rate limits can be reached, and its deny list isn't empty
	// Detector is asked after each attack whether it was found; nil: nobody is.
	Detector *Detector
}

// Result is one attack's outcome, as JSON has it.
type Result struct {
	ID        string   `json:"id"`
	Threat    string   `json:"threat"`
	Vantage   string   `json:"vantage"`
	Verdict   Verdict  `json:"verdict"`
	BlockedBy string   `json:"blocked_by"`
	Layer     string   `json:"layer"`
	Evidence  Evidence `json:"evidence"`
	Alert     *Alert   `json:"alert,omitempty"` // where alerts were waited for

	Title     string        `json:"-"`
	Technique string        `json:"-"`
	Took      time.Duration `json:"-"`
}

// Evidence is why the verdict is what it is.
type Evidence struct {
	Kind      string         `json:"kind"`                // record, kernel, audit; none where there isn't any
	Summary   string         `json:"summary"`             // in a line
	Component string         `json:"component,omitempty"` // whose log it was found in
	Record    map[string]any `json:"record,omitempty"`    // the line itself
	Errno     string         `json:"errno,omitempty"`
	Twin      string         `json:"twin"` // what became of the benign twin: gained, refused, error
}

// Skip is an attack that can't apply here.
type Skip struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// Report is what `lab attack run --json` prints.
type Report struct {
	Profile string   `json:"profile"`
	Blocked int      `json:"blocked"`
	Total   int      `json:"total"`           // that could be run here: those skipped aren't counted
	Reach   *int     `json:"reach,omitempty"` // services that a compromised notification can use, where that was measured
	Attacks []Result `json:"attacks"`
	Skipped []Skip   `json:"skipped"`

	Detected *Detected `json:"detected,omitempty"` // where alerts were waited for
}

// Good tells whether every attack was blocked, with evidence, or found where that is all that can be.
func (r Report) Good() bool { return r.Count(Blocked)+r.Count(Found) == len(r.Attacks) }

// Seen tells whether every attack that leaves an event was found; true where alerts weren't waited for.
func (r Report) Seen() bool { return r.Detected == nil || r.Detected.Found == r.Detected.Of }

// Contained tells whether every response that was to stop an attacker did; true where none was measured.
func (r Report) Contained() bool { return r.Detected == nil || r.Detected.Missed == 0 }

// Count is how many attacks got a verdict.
func (r Report) Count(v Verdict) (n int) {
	for _, a := range r.Attacks {
		if a.Verdict == v {
			n++
		}
	}
	return n
}

// applies returns why an attack can't be run in the lab, or "".
func (l *Lab) applies(a attacks.Attack, isolated bool) string {
	switch {
	case !slices.Contains(a.Modes, l.Status.Mode):
		return "doesn't apply in mode " + l.Status.Mode
	case a.Evidence == attacks.EvidenceAlert && l.Detector == nil:
		return "no control stops it, it has to be found: that takes --detect"
	case a.Needs == attacks.NeedsRoot && !isolated:
		return "needs root: as an ordinary user all workloads share one user"
	case a.Needs == attacks.NeedsContainers && !l.inContainers():
		return "needs the networks of containers (lab up --engine docker): processes of one machine share its loopback"
	case (a.Needs == attacks.NeedsPage || a.Needs == attacks.NeedsBrowser) && l.Status.PageURL == "":
		return "needs the lab's page, which this lab was started without (one that the verb starts itself has it)"
	case a.Needs == attacks.NeedsBrowser && !browses():
		return "needs a browser: " + browser.ErrNone.Error()
	case l.inContainers() && l.amiss(a) != "":
		return l.amiss(a)
	case (a.Needs == attacks.NeedsLimits || a.Needs == attacks.NeedsListed) && !l.Limited:
		return "needs limits that can be reached: this lab was started with a benchmark's (a lab that the verb starts itself has them)"
	case a.Needs == attacks.NeedsModel && !l.Model:
		return "needs a language model: this lab was started without REDOUBT_INFERENCE_UPSTREAM (a lab that the verb starts itself has a stand-in)"
	case a.Needs == attacks.NeedsName && loopbackName(context.Background()) == "":
		return "needs a name: this machine's own doesn't resolve to 127.0.0.1"
	}
	return ""
}

func (l *Lab) inContainers() bool { return l.Status.Engine == control.Docker }

// amiss is what a lab of containers lacks for an attack, or "".
func (l *Lab) amiss(a attacks.Attack) string {
	switch {
	case a.Vantage != attacks.Outside && a.Vantage.Stolen() != "token" && os.Geteuid() != 0:
		return "needs root, who alone may enter the volumes where the engine keeps what a service has"
	case a.Needs == attacks.NeedsName:
		return "needs a name that resolves to loopback for the gateway and for notification, whose names are the engine's here"
	case a.Needs == attacks.NeedsListed, a.Needs == attacks.NeedsPlaces:
		return "needs a second address to come from, and a container has the one that the engine gives it"
	case a.Needs == attacks.NeedsContained || a.Needs == attacks.NeedsResponse:
		return "goes on as the attacker until he is refused for a response, which it can in a lab of processes alone"
	case a.Needs == attacks.NeedsRoot:
		return "a socket lies in a volume that the two containers of its service mount and no other: there is nobody to step in front"
	case a.BlockedBy == controls.MeshSPIFFE && a.Vantage == attacks.ControlPlane:
		return "needs a server of the attacker's in the mesh, and its tools listen on loopback alone"
	}
	return ""
}
