package attack

import (
	"context"
	"time"

	"redoubt.example/loadtest/attacks"
)

// Attempt is what a script reports.
type Attempt = outcome

// Try is one of an attempt's many.
type Try = try

// Watching begins to follow a folder of logs.
func Watching(folder string) (*watch, error) { return newWatch(folder) }

// Judge judges one attempt by what was logged since.
func Judge(ctx context.Context, w *watch, a attacks.Attack, by string, twin, o Attempt) (Verdict, Evidence, error) {
	return (&player{}).judge(ctx, w, a, by, twin, o)
}

// Conclude says whether a control is proved. ran holds, for each attack, what went wrong with the control alone, and with
// none.
func Conclude(id string, ran map[string][2]string) Proved {
	var experiments []experiment
	failures := map[string]map[string]string{}
	for name, problems := range ran {
		experiments = append(experiments, experiment{attack: attacks.Attack{ID: name}, by: id}, experiment{attack: attacks.Attack{ID: name}})
		failures[name] = map[string]string{id: problems[0], "": problems[1]}
	}
	return conclude(id, experiments, failures)
}

// Find waits for the alert that belongs to an attempt.
func (d *Detector) Find(ctx context.Context, a attacks.Attack, o Attempt, first time.Time) (*Alert, error) {
	return d.find(ctx, a, o, first)
}

// SumUp counts what became of attacks whose alerts were waited for.
func SumUp(results []Result) *Detected { return sumUp(results) }
