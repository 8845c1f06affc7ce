package attack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"redoubt.example/loadtest/attacks"
)

// PlayScript plays the attack of a script that isn't in the suite, from a vantage point, and returns what it reports as detail. The
// script may import the suite's library from '../lib/'.
func PlayScript(ctx context.Context, lab *Lab, from attacks.Vantage, script string, timeout time.Duration) (detail string, err error) {
	places, err := lab.Client.Places(ctx)
	if err != nil {
		return "", err
	}
	p, err := newPlayer(ctx, lab, places)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	const id = "try"
	if err := os.Mkdir(filepath.Join(p.folder, id), 0o755); err != nil { //nolint:gosec // the attacker's user reads it
		return "", err
	}
	if err := os.WriteFile(filepath.Join(p.folder, id, "attack.js"), []byte(script), 0o644); err != nil { //nolint:gosec // likewise
		return "", err
	}
	own := *lab
	own.Scripts = os.DirFS(p.folder)
	p.lab = &own
	outcomes, err := p.play(ctx, attacks.Attack{ID: id, Vantage: from, Timeout: timeout}, attempt)
	if err != nil {
		return "", err
	}
	if o := outcomes[attempt]; o.Outcome != gained {
		return "", fmt.Errorf("the script broke: %s", o.Detail)
	}
	return outcomes[attempt].Detail, nil
}
