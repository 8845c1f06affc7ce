package attack

import (
	"context"
	"slices"
	"strings"
	"time"

	"redoubt.example/loadtest/attacks"
	"redoubt.example/scripts/internal/logfile"
)

// judgeAudit looks for the refusal in the servers' own logs: Vault's audit log by request or address, PostgreSQL's and
// Consul's by address.
func (p *player) judgeAudit(ctx context.Context, w *watch, twin, o outcome) (Verdict, Evidence, error) {
	until := time.Now().Add(evidenceWithin)
	for {
		events, err := p.lab.Client.Audit(ctx, w.began)
		if err != nil {
			return "", Evidence{}, err
		}
		for _, e := range events {
			if !e.Allowed && (slices.Contains(o.RequestIDs, e.RequestID) || slices.Contains(o.Peers, e.Remote)) {
				return Blocked, Evidence{Kind: attacks.EvidenceAudit, Component: "vault", Twin: twin.Outcome, Summary: "vault: " + e.Reason,
					Record: map[string]any{"path": e.Path, "who": e.Who, "reason": e.Reason, "remote": e.Remote, "request_id": e.RequestID}}, nil
			}
		}
		lines, err := logfile.Merge(w.readers)
		if err != nil {
			return "", Evidence{}, err
		}
		w.seen = append(w.seen, lines...)
		for _, l := range w.seen {
			if server := l.Component; (server == "postgres" || server == "consul") && mentions(l.Raw, o.Peers) && isRefusal(l.Raw) {
				return Blocked, Evidence{Kind: attacks.EvidenceAudit, Component: server, Twin: twin.Outcome, Summary: server + ": " + l.Message(),
					Record: map[string]any{"line": l.Raw}}, nil
			}
		}
		if time.Now().After(until) {
			return Inconclusive, Evidence{Kind: "none", Twin: twin.Outcome, Summary: "refused without a trace in Vault's, PostgreSQL's or Consul's log: " + o.Detail}, nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return "", Evidence{}, ctx.Err()
		}
	}
}

// mentions tells whether a line names one of our addresses: host:port, or PostgreSQL's host(port).
func mentions(line string, peers []string) bool {
	return slices.ContainsFunc(peers, func(peer string) bool {
		i := strings.LastIndexByte(peer, ':')
		return i > 0 && (strings.Contains(line, peer) || strings.Contains(line, peer[:i]+"("+peer[i+1:]+")"))
	})
}

func isRefusal(line string) bool {
	return slices.ContainsFunc([]string{"FATAL", "ERROR", "denied", "error="}, func(word string) bool { return strings.Contains(line, word) })
}
