// Package secrets is a workload's access to Vault. It logs in with the workload's attested document and keeps the
// session and everything got through it alive in the background: tokens are renewed, database credentials and
// certificates are replaced before they end. Vault may be away for as long as those last; when it is back, work
// goes on by itself. No secret is in an error or a log.
package secrets

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	vault "github.com/hashicorp/vault/api"
)

// Config says how a workload reaches Vault, and as whom.
type Config struct {
	Addr    string // https://host:port
	CAFile  string // the only CA that Vault's certificate is believed from
	JWTFile string // the attested document, rewritten by the supervisor; read anew for each login
	Role    string // the role on Vault's JWT method: the workload's name
	Log     *slog.Logger
}

// Vault is one workload's session. Its methods are safe for concurrent use.
type Vault struct {
	cfg  Config
	http *vault.Client // never carries a token
	// health is the watch's own: a request that fails closes the idle connections of its client, and a slow Vault would
	// lose those that work is done on, with every look at it.
	health *vault.Client

	mu      sync.Mutex
	token   string
	expires time.Time
	life    time.Duration // of the token, from its last renewal
	away    bool          // Vault's absence has been logged
	kept    []kept
	session chan struct{} // closed, and replaced, at each new login

	login sync.Mutex // one login at a time

	ctx  context.Context // ends with Close
	stop context.CancelFunc
	work sync.WaitGroup
}

// kept is something that is kept alive: how long it still lasts decides readiness, and Close gives it back.
type kept interface {
	describe() string
	expiry() time.Time
	revoke(ctx context.Context) error
	held() []Held
	replace(ctx context.Context) error // get it anew, now
}

// Login opens the session. It waits for a Vault that can't be reached or is sealed until ctx ends; a refusal is
// an error at once. The session lasts until Close: ctx bounds the login alone.
func Login(ctx context.Context, cfg Config) (*Vault, error) {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	client, err := newClient(cfg)
	if err != nil {
		return nil, fmt.Errorf("log in to Vault: %w", err)
	}
	health, err := newClient(cfg)
	if err != nil {
		return nil, fmt.Errorf("log in to Vault: %w", err)
	}
	v := &Vault{cfg: cfg, http: client, health: health, session: make(chan struct{})}
	v.ctx, v.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err := v.persist(ctx, v.logIn); err != nil {
		v.stop()
		return nil, err
	}
	v.work.Go(v.keepToken)
	v.work.Go(v.watch)
	return v, nil
}

// Ready is nil while everything that was obtained is valid, whether or not Vault can be reached just now.
func (v *Vault) Ready() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	var errs []error
	if !time.Now().Before(v.expires) {
		errs = append(errs, errors.New("the session with Vault has ended"))
	}
	for _, k := range v.kept {
		if !time.Now().Before(k.expiry()) {
			errs = append(errs, fmt.Errorf("%s: expired", k.describe()))
		}
	}
	return errors.Join(errs...)
}

// Close gives everything back: database roles are gone when it returns, and then the token. Pools should have
// been closed before. What can't be revoked, because Vault is away, ends by its time to live.
func (v *Vault) Close(ctx context.Context) error {
	v.stop()
	v.work.Wait()
	v.mu.Lock()
	held := v.kept
	v.kept = nil
	v.mu.Unlock()
	var errs []error
	for _, k := range held {
		if err := k.revoke(ctx); err != nil {
			errs = append(errs, fmt.Errorf("revoke %s: %w", k.describe(), err))
		}
	}
	if _, err := v.call(ctx, v.current(), func(ctx context.Context, c *vault.Client) (*vault.Secret, error) {
		return nil, c.Auth().Token().RevokeSelfWithContext(ctx, "")
	}); err != nil && !refused(err) { // refused: it is dead already
		errs = append(errs, fmt.Errorf("revoke token: %w", err))
	}
	return errors.Join(errs...)
}

// Format prints the role alone, whatever the verb: there is a token in the session.
func (v *Vault) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "Vault session of %s", v.cfg.Role) }

func (v *Vault) keep(k kept) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.kept = append(v.kept, k)
}
