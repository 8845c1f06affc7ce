package secrets

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Held is one thing that a process has from Vault: what it is and how long it lasts, never what it says.
type Held struct {
	Kind    string    `json:"kind"` // KindSession, KindLogin or KindCertificate
	Name    string    `json:"name"`
	ID      string    `json:"id,omitempty"` // a lease's, or a certificate's serial number
	Began   time.Time `json:"began"`
	Expires time.Time `json:"expires"`
}

// The kinds of things held.
const (
	KindSession     = "session"
	KindLogin       = "login"
	KindCertificate = "certificate"
)

// Held lists what the session holds now, itself first.
func (v *Vault) Held() []Held {
	v.mu.Lock()
	all := []Held{{Kind: KindSession, Name: v.cfg.Role, Began: v.expires.Add(-v.life), Expires: v.expires}}
	held := v.kept
	v.mu.Unlock()
	for _, k := range held {
		all = append(all, k.held()...)
	}
	return all
}

// Replace gets everything that is held anew, ahead of its time: logins, whose connections then move over without a
// request noticing, and certificates.
func (v *Vault) Replace(ctx context.Context) error {
	v.mu.Lock()
	held := v.kept
	v.mu.Unlock()
	var errs []error
	for _, k := range held {
		if err := k.replace(ctx); err != nil {
			errs = append(errs, fmt.Errorf("replace %s: %w", k.describe(), err))
		}
	}
	return errors.Join(errs...)
}

// Degraded tells whether Vault is away, and until when what is held lasts: the first of it to end.
func (v *Vault) Degraded() (until time.Time, degraded bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.earliest(), v.away
}

const (
	watchEvery   = 2 * time.Second
	watchTimeout = 2 * time.Second // a Vault slower than that is as good as away
)

// watch notices Vault's going and coming when nothing is due: people want to know before the first lease ends.
func (v *Vault) watch() {
	for v.sleep(watchEvery, nil) {
		ctx, cancel := context.WithTimeout(v.ctx, watchTimeout)
		health, err := v.health.Sys().HealthWithContext(ctx)
		cancel()
		switch {
		case v.ctx.Err() != nil:
			return
		case err != nil:
			v.noteAway(err)
		case health.Sealed || !health.Initialized || health.Standby:
			v.noteAway(errors.New("Vault is sealed or on standby"))
		default:
			v.noteBack()
		}
	}
}
