package bench

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// Server is a port that does mutual TLS 1.3.
type Server struct {
	Name    string
	Address string
	Config  *tls.Config // the client's; its session cache is ours
}

// Handshakes is what one server showed. A handshake lasts from ClientHello to the arrival of the server's session
// ticket, which it sends only once it has accepted our certificate: a client's Finished alone proves nothing yet. The
// TCP connection isn't in it.
type Handshakes struct {
	Name    string
	Curve   tls.CurveID
	Full    []time.Duration
	Resumed []time.Duration // empty where the server doesn't resume
	// First are the full ones that a block began with: the server was still before, and its caches were others'. They
	// aren't in Full.
	First []time.Duration
	// Refused counts sessions that were offered and not resumed.
	Refused int
}

// ErrNoTicket: a server sends no session ticket, so the end of its handshake can't be seen.
var ErrNoTicket = errors.New("no session ticket came")

// handshakesInARow make a block. The first counts apart, as the first requests of a block of requests do.
const handshakesInARow = 6

// Shake makes full and resumed handshakes with all servers, in short blocks in random order, for about as long as said.
func Shake(ctx context.Context, servers []Server, during time.Duration, seed uint64) ([]Handshakes, error) {
	random := rand.New(rand.NewPCG(seed, 3))
	found := make([]Handshakes, len(servers))
	sessions := make([]*tls.ClientSessionState, len(servers))
	one := func(i int, resume, first bool) error {
		cache := &tickets{}
		if resume {
			cache.offered = sessions[i]
		}
		took, state, err := shake(ctx, servers[i], cache)
		if err != nil {
			return fmt.Errorf("handshake with %s: %w", servers[i].Name, err)
		}
		sessions[i] = cache.latest
		switch {
		case !resume && first:
			found[i].Curve = state.CurveID
			found[i].First = append(found[i].First, took)
		case !resume:
			found[i].Full = append(found[i].Full, took)
		case first:
		case state.DidResume:
			found[i].Resumed = append(found[i].Resumed, took)
		default:
			found[i].Refused++
		}
		return nil
	}
	for i := range servers {
		found[i].Name = servers[i].Name
		if err := one(i, false, true); err != nil { // discarded
			return nil, err
		}
		found[i].First = nil
	}
	for began := time.Now(); time.Since(began) < during || len(found[0].First) < 2; {
		for _, at := range random.Perm(2 * len(servers)) {
			for n := range handshakesInARow {
				if err := ctx.Err(); err != nil {
					return nil, err
				}
				if err := one(at/2, at%2 == 1, n == 0); err != nil {
					return nil, err
				}
			}
		}
	}
	return found, nil
}

// shake makes one handshake.
func shake(ctx context.Context, s Server, cache *tickets) (time.Duration, tls.ConnectionState, error) {
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	tcp, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Address)
	if err != nil {
		return 0, tls.ConnectionState{}, err
	}
	defer tcp.Close()
	if err := tcp.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return 0, tls.ConnectionState{}, err
	}
	config := s.Config.Clone()
	config.ClientSessionCache, cache.conn = cache, tcp
	conn := tls.Client(tcp, config)
	began := time.Now()
	if err := conn.HandshakeContext(ctx); err != nil {
		return 0, tls.ConnectionState{}, err
	}
	_, err = conn.Read(make([]byte, 1)) // ends when the ticket has come
	at := cache.arrived.Load()
	switch {
	case at != nil:
		return at.Sub(began), conn.ConnectionState(), nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = ErrNoTicket
	case err == nil:
		err = errors.New("data that nobody asked for")
	}
	return 0, tls.ConnectionState{}, err
}

// tickets offers one session at most, and notes when the first ticket of the connection comes.
type tickets struct {
	offered, latest *tls.ClientSessionState
	conn            net.Conn
	arrived         atomic.Pointer[time.Time]
}

// Get implements tls.ClientSessionCache.
func (t *tickets) Get(string) (*tls.ClientSessionState, bool) { return t.offered, t.offered != nil }

// Put implements tls.ClientSessionCache. It is called while the ticket is being read; nothing else will come.
func (t *tickets) Put(_ string, session *tls.ClientSessionState) {
	if session == nil {
		return
	}
	now := time.Now()
	t.latest = session
	t.arrived.CompareAndSwap(nil, &now)
	_ = t.conn.SetReadDeadline(now)
}
