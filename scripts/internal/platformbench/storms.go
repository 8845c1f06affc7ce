package platformbench

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"redoubt.example/loadtest/bench"
	"redoubt.example/loadtest/flood"
	"redoubt.example/loadtest/report"
)

const (
	honestRate = 20.0 // requests per second of the honest user
	stormRate  = 100.0
	attacker   = "bob"
	// spared is the service whose loss the honest user's documents survive: they are stored, and notified of later.
	spared = "notification"
	// needed is the one without which they are refused: quickly, once the breaker is open.
	needed = "inference"
)

// storm is something that goes wrong while an honest user works.
type storm struct {
	name   string
	damage func(ctx context.Context) error // goes on until ctx ends, or returns when it has done its damage
	mend   func(ctx context.Context) error // may be nil
}

// storms measures what the honest user feels of each.
func (r *run) storms(ctx context.Context) error {
	if r.cfg.Plan.Storm == 0 {
		return nil
	}
	lab, err := r.take(ctx, layered)
	if err != nil {
		return err
	}
	all, err := r.allStorms(ctx, lab)
	if err != nil {
		return err
	}
	for _, s := range all {
		if err := r.storm(ctx, lab, s); ctx.Err() != nil {
			return ctx.Err()
		} else if err != nil { // what was measured before stays
			r.note(fmt.Sprintf("%s wasn't measured: %v", s.name, err))
		}
	}
	return r.stop(lab)
}

func (r *run) storm(ctx context.Context, l *Lab, s storm) error {
	r.cfg.Say("under attack: " + s.name)
	honest := traffic{lab: l, request: storeDocument, rate: honestRate, during: r.cfg.Plan.Storm / 2, scopes: ledgerScopes}
	calm, err := honest.send(ctx)
	if err != nil {
		return err
	}
	rejected := l.rejected(ctx)
	raging, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.damage(raging) }()
	under, err := honest.send(ctx)
	stop()
	if failed := <-ended; failed != nil && !errors.Is(failed, context.Canceled) {
		err = errors.Join(err, failed)
	}
	rejected = max(0, l.rejected(ctx)-rejected)
	if s.mend != nil {
		err = errors.Join(err, s.mend(ctx))
	}
	if err == nil {
		err = l.settle(ctx)
	}
	if err != nil {
		return err
	}
	r.result.Storms = append(r.result.Storms, report.Storm{Name: s.name,
		P50: under.quantile(0.5), CI95: under.interval(0.5), P90: under.quantile(0.9), CI95P90: under.interval(0.9), P99: under.quantile(0.99), CI95P99: under.interval(0.99),
		Calm50: calm.quantile(0.5), Calm90: calm.quantile(0.9), Calm99: calm.quantile(0.99),
		Failed: under.failed, Sent: under.sent, Refused50: round(bench.QuantileOf(0.5, under.refused)), Rejected: rejected,
		Ledger: linesOf(under.answers), Calm: linesOf(calm.answers),
		Late: round(max(bench.QuantileOf(0.5, calm.late), bench.QuantileOf(0.5, under.late)))})
	return nil
}

func (r *run) allStorms(ctx context.Context, l *Lab) ([]storm, error) {
	path, err := someDocument(ctx, l)
	if err != nil {
		return nil, err
	}
	theirs, err := l.Token(ctx, attacker, "documents:read")
	if err != nil {
		return nil, err
	}
	flooding := func(token, path string) func(context.Context) error {
		return func(ctx context.Context) error { return r.flood(ctx, l, token, path) }
	}
	return []storm{
		{name: "flood", damage: flooding(theirs, "/v1/documents?limit=5")},
		{name: "token-forgery storm", damage: flooding(forged(theirs), "/v1/documents?limit=5")},
		{name: "policy-denial storm", damage: flooding(theirs, path)},
		{name: "rotation of the mesh's CA", damage: func(ctx context.Context) error {
			_, err := l.Client.RotateMeshCA(context.WithoutCancel(ctx))
			return err
		}},
		{name: "rotation of database leases", damage: func(ctx context.Context) error {
			_, err := l.Client.Rotate(context.WithoutCancel(ctx), "db", "")
			return err
		}},
		loss(l, spared), loss(l, needed),
	}, nil
}

// loss is a service that is gone.
func loss(l *Lab, service string) storm {
	return storm{name: "loss of " + service,
		damage: func(ctx context.Context) error { return l.Client.Hold(context.WithoutCancel(ctx), service) },
		mend:   func(ctx context.Context) error { return l.Client.Release(ctx, service) }}
}

// flood sends an attacker's requests from many addresses until the context ends.
func (r *run) flood(ctx context.Context, l *Lab, token, path string) error {
	load := flood.Load{URL: l.Status.GatewayURL, CAFile: l.Status.CAFile, Rate: stormRate, During: r.cfg.Plan.Storm / 2}
	for i := range 5 {
		load.Clients = append(load.Clients, flood.Client{Source: fmt.Sprintf("127.0.9.%d", i+1), Token: token, Path: path})
	}
	outcome, err := r.cfg.SendApart(ctx, load)
	if ctx.Err() == nil && err == nil && outcome.Sent == 0 {
		return errors.New("nothing was sent")
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// forged is a token as good as another, but for its signature.
func forged(token string) string {
	cut := strings.LastIndexByte(token, '.') + 1
	signature, _ := base64.RawURLEncoding.DecodeString(token[cut:])
	_, _ = rand.Read(signature)
	return token[:cut] + base64.RawURLEncoding.EncodeToString(signature)
}

// someDocument is where a document of the honest user's is.
func someDocument(ctx context.Context, l *Lab) (path string, err error) {
	w, err := l.connect(ctx, storeDocument)
	if err != nil {
		return "", err
	}
	defer w.close()
	a, err := w.exchange()
	if err != nil {
		return "", err
	}
	var stored struct{ ID string }
	if err := json.Unmarshal(a.body, &stored); err != nil || stored.ID == "" {
		return "", errors.Join(errors.New("a stored document has no ID"), err)
	}
	return storeDocument.Path + "/" + stored.ID, nil
}
