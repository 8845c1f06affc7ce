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
	return p.playText(ctx, from, script, timeout)
}

// playText is PlayScript, in a suite that is being played.
func (p *player) playText(ctx context.Context, from attacks.Vantage, script string, timeout time.Duration) (detail string, err error) {
	const id = "try"
	folder := filepath.Join(p.folder, id)
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // the attacker's user reads it
		return "", err
	}
	if err := os.WriteFile(filepath.Join(folder, "attack.js"), []byte(script), 0o644); err != nil { //nolint:gosec // likewise
		return "", err
	}
	own, lab := *p, *p.lab
	lab.Scripts, own.lab = os.DirFS(p.folder), &lab
	outcomes, err := own.play(ctx, attacks.Attack{ID: id, Vantage: from, Evidence: attacks.EvidenceRecord, Timeout: timeout}, attempt)
	if err != nil {
		return "", err
	}
	if o := outcomes[attempt]; o.Outcome != gained {
		return "", fmt.Errorf("the script broke: %s", o.Detail)
	}
	return outcomes[attempt].Detail, nil
}
