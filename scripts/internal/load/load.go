// Package load is the list of load scenarios, and what a run of one amounts to.
package load

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"redoubt.example/scripts/internal/k6"
)

// Scenario is one of loadtest/scenarios.
type Scenario struct {
	Name     string        `json:"name"`
	Says     string        `json:"says"`
	Rate     int           `json:"rate"` // iterations a second, at its height; each is one to three requests
	Duration time.Duration `json:"duration"`
	Breaks   bool          `json:"breaks"` // it is meant to cross its thresholds: where is the result
	From     string        `json:"-"`      // loopback addresses that its clients come from, one after the other; "": all from one
}

// Longest is what a run may last: the access tokens that it begins with end after 15 minutes.
const Longest = 14 * time.Minute

// Scenarios are all of them, the gentlest first.
var Scenarios = []Scenario{
	{Name: "smoke", Says: "honest traffic over every hop, gently", Rate: 20, Duration: 20 * time.Second},
	{Name: "honest", Says: "an hour of honest use, mistakes included, 30 times as fast", Rate: 30, Duration: 2 * time.Minute, From: "127.0.0.1-127.0.0.60"},
	{Name: "steady", Says: "what the platform is meant to bear", Rate: 40, Duration: time.Minute},
	{Name: "ramp", Says: "up to the full rate, and down again", Rate: 60, Duration: time.Minute},
	{Name: "spike", Says: "four times as much from one second to the next", Rate: 80, Duration: 45 * time.Second},
	{Name: "soak", Says: "a modest rate for long, to find what leaks", Rate: 20, Duration: 10 * time.Minute},
	{Name: "breakpoint", Says: "more and more, until something gives way", Rate: 600, Duration: 2 * time.Minute, Breaks: true},
	{Name: "mixed", Says: "as much hostile traffic as honest, and what the honest feels of it", Rate: 40, Duration: time.Minute},
}

// Find returns a scenario by its name.
func Find(name string) (Scenario, bool) {
	i := slices.IndexFunc(Scenarios, func(s Scenario) bool { return s.Name == name })
	if i < 0 {
		return Scenario{}, false
	}
	return Scenarios[i], true
}

// Names are those of all scenarios.
func Names() string {
	names := make([]string, len(Scenarios))
	for i, s := range Scenarios {
		names[i] = s.Name
	}
	return strings.Join(names, ", ")
}

// Result is what `lab load --json` prints.
type Result struct {
	Scenario  string     `json:"scenario"`
	Passed    bool       `json:"passed"`
	Problems  []string   `json:"problems"`
	Seconds   float64    `json:"seconds"`
	Client    k6.Summary `json:"client"`
	Outages   []Outage   `json:"outages,omitempty"`
	Dashboard string     `json:"dashboard,omitempty"` // k6's HTML report
	Alerts    *Alerts    `json:"alerts,omitempty"`    // where they were waited for
}

// Alerts are what was raised while a load was sent, and after it until nothing more can come of it.
type Alerts struct {
	Raised int            `json:"raised"`
	Rules  map[string]int `json:"rules"`
	Events uint64         `json:"events"` // that sentinel had of it: with none, no alert says nothing
}

// Judge says what is wrong with that, if the load was honest.
func (a Alerts) Judge() (problems []string) {
	if a.Events == 0 {
		problems = append(problems, "sentinel had no event of it")
	}
	for _, rule := range slices.Sorted(maps.Keys(a.Rules)) {
		problems = append(problems, fmt.Sprintf("honest load raised %s, %d times", rule, a.Rules[rule]))
	}
	return problems
}

// Judge says what was wrong with a run. A generator that fell behind is a failure of its own: the platform's figures can't
// be told from it.
func Judge(s Scenario, client k6.Summary) (problems []string) {
	problems = []string{}
	if client.Requests == 0 {
		return append(problems, "k6 sent no request")
	}
	if s.Breaks {
		switch {
		case len(client.Crossed) == 0:
			problems = append(problems, fmt.Sprintf("nothing gave way up to %d iterations a second: ask for more with --rate", s.Rate))
		case !slices.ContainsFunc(client.Crossed, ofThePlatform):
			problems = append(problems, fmt.Sprintf("the generator gave way before the platform did: it dropped %d iterations", client.Dropped))
		}
		return problems
	}
	if client.Dropped > 0 {
		problems = append(problems, fmt.Sprintf("the generator failed: it dropped %d iterations that it couldn't start in time", client.Dropped))
	}
	for _, crossed := range client.Crossed {
		if ofThePlatform(crossed) {
			problems = append(problems, "threshold crossed: "+crossed)
		}
	}
	if len(client.Broken) > 0 {
		problems = append(problems, fmt.Sprintf("%d of %d checks failed: %s", client.FailedChecks, client.Checks, strings.Join(client.Broken, ", ")))
	}
	return problems
}

// ofThePlatform tells whether a threshold says something of the platform, and not of the generator.
func ofThePlatform(crossed string) bool { return !strings.HasPrefix(crossed, "dropped_iterations") }
