package secrets

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"redoubt.example/services/platform/fault"
)

const (
	maxConns       = 8
	idleConns      = 2 // kept at hand, so that a request rarely waits for a handshake, also during a rotation
	connectTimeout = 5 * time.Second

	// An unused connection of an old login is closed this often: one at a time, so that the pool has dialled its
	// successor before the next one goes.
	shortestDrain, longestDrain = 50 * time.Millisecond, 250 * time.Millisecond
	// settle is how long a login is kept after it was replaced, for a dial that had just picked it.
	settle = time.Second
)

const leaseKey = "lease" // of a connection's custom data

func (d *database) open(ctx context.Context) (*pgxpool.Pool, error) {
	host, port, err := net.SplitHostPort(d.cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("address: %w", err)
	}
	cfg, err := pgxpool.ParseConfig(fmt.Sprintf("host=%s port=%s dbname=%s user=unset sslmode=verify-full sslrootcert=%s application_name=%s",
		host, port, d.cfg.Name, d.cfg.CAFile, d.cfg.Role))
	if err != nil {
		return nil, err
	}
	cfg.MaxConns, cfg.MinIdleConns = maxConns, idleConns
	cfg.ConnConfig.ConnectTimeout = connectTimeout
	cfg.ConnConfig.Tracer = refusals{d: d}
	cfg.BeforeConnect = d.beforeConnect
	cfg.AfterConnect = d.afterConnect
	cfg.PrepareConn = prepareConn
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

func (d *database) beforeConnect(_ context.Context, cfg *pgx.ConnConfig) error {
	l := d.currentLease()
	if l.expired() {
		return fault.New(fault.Unavailable, "the database is not available at the moment")
	}
	cfg.User, cfg.Password = l.user, l.password.Reveal()
	// The network connection is what counts as the login's: it is closed on every path, a failed handshake too.
	dial := cfg.DialFunc
	cfg.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		d.count(l, 1)
		conn, err := dial(ctx, network, addr)
		if err != nil {
			d.count(l, -1)
			return nil, err
		}
		return &countedConn{Conn: conn, closed: sync.OnceFunc(func() { d.count(l, -1) })}, nil
	}
	return nil
}

func (d *database) count(l *lease, by int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l.conns += by
}

type countedConn struct {
	net.Conn
	closed func()
}

func (c *countedConn) Close() error {
	defer c.closed()
	return c.Conn.Close()
}

func (d *database) afterConnect(_ context.Context, conn *pgx.Conn) error {
	user := conn.Config().User
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.leases {
		if l.user == user {
			conn.PgConn().CustomData()[leaseKey] = l
		}
	}
	return nil
}

// prepareConn refuses a connection that has outlived its login: PostgreSQL itself checks only at the start.
func prepareConn(_ context.Context, conn *pgx.Conn) (bool, error) {
	l, _ := conn.PgConn().CustomData()[leaseKey].(*lease)
	return l != nil && !l.expired(), nil
}

// drainUntilDue gives up old logins until the time has come to replace the current one: their connections are
// closed while unused, and when the last is gone they are revoked. A new session ends all logins of the one
// before it, so it ends the waiting too.
func (d *database) drainUntilDue(newSession <-chan struct{}, pool *pgxpool.Pool) {
	for d.vault.ctx.Err() == nil {
		wait := time.Until(d.currentLease().halfLife())
		if wait <= 0 {
			return
		}
		if d.draining() {
			d.dropIdle(pool)
			d.revokeDrained()
			wait = min(wait, d.drainPause())
		}
		timer := time.NewTimer(wait)
		select {
		case <-newSession:
			timer.Stop()
			return
		case <-d.vault.ctx.Done():
		case <-d.dead:
			timer.Stop()
			return
		case <-d.renewed: // ahead of its time: there is something to drain
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (d *database) draining() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.leases) > 1
}

// dropIdle closes one unused connection of an old login, and makes the pool dial another in its place. All others go
// back before that, since closing takes a round trip.
func (d *database) dropIdle(pool *pgxpool.Pool) {
	current := d.currentLease()
	var old *pgxpool.Conn
	for _, conn := range pool.AcquireAllIdle(d.vault.ctx) {
		if l, _ := conn.Conn().PgConn().CustomData()[leaseKey].(*lease); l != current && old == nil {
			old = conn
			continue
		}
		conn.Release()
	}
	if old != nil {
		old.Conn().Close(d.vault.ctx)
		old.Release() // a closed one is thrown away
	}
}

// drainPause is how long to wait between two of them: a handshake with a password costs both ends milliseconds of
// processor time, so they are spread out as far as the lease allows.
func (d *database) drainPause() time.Duration {
	l := d.currentLease()
	return min(max(l.expires.Sub(l.began)/40, shortestDrain), longestDrain)
}

// revokeDrained drops old logins that nobody uses; what is past its end, Vault drops by itself.
func (d *database) revokeDrained() {
	d.mu.Lock()
	var drained []*lease
	left := d.leases[:0:0]
	for i, l := range d.leases {
		switch current := i == len(d.leases)-1; {
		case current, l.conns > 0 && !l.expired():
			left = append(left, l)
		case l.expired():
		case time.Since(l.replaced) < settle:
			left = append(left, l)
		default:
			drained = append(drained, l)
		}
	}
	d.leases = left
	d.mu.Unlock()
	for _, l := range drained {
		if err := d.revokeLease(d.vault.ctx, l); err != nil && d.vault.ctx.Err() == nil {
			d.vault.cfg.Log.Warn("old login not revoked; it ends by itself", "database", d.cfg.Name, "user", l.user,
				"until", l.expires, "error", err)
		}
	}
}
