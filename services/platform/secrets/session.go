package secrets

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	vault "github.com/hashicorp/vault/api"

	"redoubt.example/services/platform/fault"
)

const shortestPause, longestPause = 100 * time.Millisecond, 5 * time.Second

func (v *Vault) current() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.token
}

// currentSession is closed at the next login: what was leased before it is dead then.
func (v *Vault) currentSession() <-chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.session
}

// logIn exchanges the attested document for a token.
func (v *Vault) logIn(ctx context.Context) error {
	document, err := os.ReadFile(v.cfg.JWTFile)
	if err != nil {
		return fmt.Errorf("log in to Vault: read document: %w", err)
	}
	began := time.Now()
	secret, err := v.call(ctx, "", write("auth/jwt/login", map[string]any{
		"role": v.cfg.Role, "jwt": strings.TrimSpace(string(document)),
	}))
	if err != nil {
		return classify(ctx, fmt.Errorf("log in to Vault as %s: %w", v.cfg.Role, err))
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.token = secret.Auth.ClientToken
	v.life = time.Duration(secret.Auth.LeaseDuration) * time.Second
	v.expires = began.Add(v.life)
	close(v.session)
	v.session = make(chan struct{})
	return nil
}

// logInAgain replaces a token that is dead; of several callers that found it so, one logs in. What was leased
// through the old token died with it, so everything kept is told to get anew.
func (v *Vault) logInAgain(ctx context.Context, dead string) error {
	v.login.Lock()
	defer v.login.Unlock()
	if v.current() != dead {
		return nil
	}
	if err := v.logIn(ctx); err != nil {
		return err
	}
	v.cfg.Log.Info("logged in to Vault again", "role", v.cfg.Role)
	return nil
}

// keepToken renews at half of the token's life, so that there is as much again to get through an outage. The
// token is periodic: renewing has no end.
func (v *Vault) keepToken() {
	for {
		v.mu.Lock()
		wait, again := time.Until(v.expires.Add(-v.life/2)), v.session
		v.mu.Unlock()
		if !v.sleep(wait, again) {
			return
		}
		select {
		case <-again:
			continue // a new token: its own half-life counts
		default:
		}
		if !v.insist("renew the session", v.renewToken) {
			return
		}
	}
}

func (v *Vault) renewToken(ctx context.Context) error {
	began := time.Now()
	secret, err := v.do(ctx, func(ctx context.Context, c *vault.Client) (*vault.Secret, error) {
		return c.Auth().Token().RenewSelfWithContext(ctx, 0)
	})
	if err != nil {
		return fmt.Errorf("renew token: %w", err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.life = time.Duration(secret.Auth.LeaseDuration) * time.Second
	v.expires = began.Add(v.life)
	return nil
}

// persist repeats work that fails because Vault is away, until ctx ends. Its going and its coming are logged
// once, however many wait.
func (v *Vault) persist(ctx context.Context, work func(context.Context) error) error {
	pause := shortestPause
	for {
		err := work(ctx)
		if err == nil {
			v.noteBack()
			return nil
		}
		if fault.KindOf(err) != fault.Unavailable || ctx.Err() != nil {
			return err
		}
		v.noteAway(err)
		if !v.sleepIn(ctx, pause/2+rand.N(pause/2), nil) {
			return err
		}
		pause = min(2*pause, longestPause)
	}
}

// insist is persist for the background: it doesn't take no for an answer either, because what is refused now (an
// attestor that has stopped, a policy) may be granted again. False means that the session is being closed.
func (v *Vault) insist(what string, work func(context.Context) error) bool {
	for refusals := 0; ; refusals++ {
		err := v.persist(v.ctx, work)
		switch {
		case v.ctx.Err() != nil:
			return false
		case err == nil && refusals > 0:
			v.cfg.Log.Info("granted again", "work", what, "role", v.cfg.Role)
			return true
		case err == nil:
			return true
		case refusals == 0:
			v.cfg.Log.Error("refused; trying again", "work", what, "role", v.cfg.Role, "error", err)
		}
		if !v.sleep(longestPause, nil) {
			return false
		}
	}
}

func (v *Vault) noteAway(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.away {
		v.away = true
		v.cfg.Log.Warn("Vault is away; going on with what is leased", "until", v.earliest(), "error", err)
	}
}

func (v *Vault) noteBack() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.away {
		v.away = false
		v.cfg.Log.Info("Vault is back")
	}
}

// earliest is when the first thing that is kept ends. The caller holds mu.
func (v *Vault) earliest() time.Time {
	first := v.expires
	for _, k := range v.kept {
		if k.expiry().Before(first) {
			first = k.expiry()
		}
	}
	return first
}

// sleep waits for a time or, if not nil, an event; false means that the session is being closed.
func (v *Vault) sleep(d time.Duration, event <-chan struct{}) bool { return v.sleepIn(v.ctx, d, event) }

func (v *Vault) sleepIn(ctx context.Context, d time.Duration, event <-chan struct{}) bool {
	timer := time.NewTimer(max(d, 0))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-event:
	case <-ctx.Done():
		return false
	}
	return true
}
