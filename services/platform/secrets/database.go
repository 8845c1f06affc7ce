package secrets

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"redoubt.example/services/platform/config"
)

// DatabaseConfig names a PostgreSQL database and the role of Vault's database engine that leases logins to it.
type DatabaseConfig struct {
	Addr   string // host:port
	CAFile string // the only CA that the server's certificate is believed from
	Name   string // the database
	Role   string
}

// Database returns a pool whose logins Vault makes and drops. A login is replaced at half of its life: new
// connections use the next one, old ones are closed when nobody uses them, and the old login is dropped when it
// has no connection left. Requests in flight don't notice.
//
// Past a login's end, because Vault was away for so long, Acquire fails with fault.Unavailable. The caller closes
// the pool, before Close.
func (v *Vault) Database(ctx context.Context, cfg DatabaseConfig) (*pgxpool.Pool, error) {
	d := &database{vault: v, cfg: cfg, renewed: make(chan struct{}, 1), dead: make(chan struct{}, 1)}
	session := v.currentSession()
	if err := v.persist(ctx, d.next); err != nil {
		return nil, fmt.Errorf("open database %s: %w", cfg.Name, err)
	}
	pool, err := d.open(ctx)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", cfg.Name, err), d.revoke(context.WithoutCancel(ctx)))
	}
	v.keep(d)
	v.work.Go(func() { d.rotate(pool, session) })
	return pool, nil
}

// database is one pool's logins: the current one, and those whose connections are still in use.
type database struct {
	vault *Vault
	cfg   DatabaseConfig

	mu     sync.Mutex
	leases []*lease // the last is the current one

	renewed chan struct{} // one token: there is a login that the rotation hasn't seen
	dead    chan struct{} // one token: PostgreSQL refuses the current login
}

// lease is one login.
type lease struct {
	id       string
	user     string
	password config.Secret
	began    time.Time
	expires  time.Time
	replaced time.Time // when the next one took over; zero for the current one
	conns    int       // open ones, those being dialled included
}

func (l *lease) expired() bool { return !time.Now().Before(l.expires) }

func (l *lease) halfLife() time.Time { return l.began.Add(l.expires.Sub(l.began) / 2) }

// next obtains a login and makes it the current one.
func (d *database) next(ctx context.Context) error {
	began := time.Now()
	secret, err := d.vault.do(ctx, read("database/creds/"+d.cfg.Role))
	if err != nil {
		return fmt.Errorf("lease a login to %s: %w", d.cfg.Name, err)
	}
	user, _ := secret.Data["username"].(string)
	password, _ := secret.Data["password"].(string)
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.leases) > 0 {
		d.leases[len(d.leases)-1].replaced = time.Now()
	}
	d.leases = append(d.leases, &lease{
		id: secret.LeaseID, user: user, password: config.NewSecret(password),
		began: began, expires: began.Add(time.Duration(secret.LeaseDuration) * time.Second),
	})
	select {
	case d.renewed <- struct{}{}:
	default:
	}
	return nil
}

func (d *database) currentLease() *lease {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.leases[len(d.leases)-1]
}

// rotate keeps the current login young until Close. session is the one that it was leased in.
func (d *database) rotate(pool *pgxpool.Pool, session <-chan struct{}) {
	v := d.vault
	for {
		d.drainUntilDue(session, pool)
		session = v.currentSession()
		if !v.insist("lease a login to "+d.cfg.Name, d.next) {
			return
		}
		select {
		case <-d.dead: // said of the login before
		default:
		}
		d.noteReplaced()
	}
}

func (d *database) noteReplaced() {
	l := d.currentLease()
	d.vault.cfg.Log.Info("login replaced", "database", d.cfg.Name, "role", d.cfg.Role, "user", l.user, "until", l.expires)
}

func (d *database) held() []Held {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []Held
	for _, l := range d.leases {
		all = append(all, Held{Kind: KindLogin, Name: "database " + d.cfg.Name, ID: l.id, Began: l.began, Expires: l.expires})
	}
	return all
}

func (d *database) replace(ctx context.Context) error {
	if err := d.next(ctx); err != nil {
		return err
	}
	d.noteReplaced()
	return nil
}

func (d *database) describe() string { return "login to database " + d.cfg.Name }

func (d *database) expiry() time.Time { return d.currentLease().expires }

// revoke ends every login at once, sessions included.
func (d *database) revoke(ctx context.Context) error {
	d.mu.Lock()
	held := d.leases
	d.mu.Unlock()
	var errs []error
	for _, l := range held {
		if !l.expired() {
			errs = append(errs, d.revokeLease(ctx, l))
		}
	}
	return errors.Join(errs...)
}

func (d *database) revokeLease(ctx context.Context, l *lease) error {
	// sync: the role is gone from PostgreSQL when the call returns.
	_, err := d.vault.call(ctx, d.vault.current(), write("sys/leases/revoke/"+l.id, map[string]any{"sync": true}))
	if refused(err) {
		return nil // the token is dead, and its leases with it
	}
	return err
}
