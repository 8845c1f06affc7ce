package main

import (
	"context"
	"log/slog"
	"path/filepath"

	"redoubt.example/scripts/internal/labdir"
	"redoubt.example/scripts/internal/responder"
	"redoubt.example/threatmodel"
)

// answerAlerts implements supervised.
func (l *runningLab) answerAlerts(ctx context.Context, claim *labdir.Claim, log *slog.Logger) (func(), error) {
	return l.Start(ctx, responder.Config{
		Stack: l.stack, Most: l.plan.most(), Journal: l.dir.Responses(), Run: filepath.Base(claim.RunDir), Log: log,
	})
}

// most is the mode beyond which no runbook goes. A lab that a verb starts for itself has none: its attacks are to be judged by what the
// controls do, from a vantage point that nobody isolates.
func (p *plan) most() threatmodel.Mode {
	if p.Respond == "" {
		return threatmodel.Off
	}
	return p.Respond
}
