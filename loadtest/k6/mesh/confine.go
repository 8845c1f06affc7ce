package mesh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// The bounds of one process, whatever its scripts loop over.
const (
	MaxActions = 20_000           // connections, requests, messages, tokens, certificates: each one counts
	MaxTime    = 60 * time.Second // from the first action on
	maxBytes   = 32 << 20         // of one answer, message or file
	maxTimeout = 15 * time.Second // of one action
	maxRace    = 256              // requests at the same time
)

// Guard lets nothing out of the lab: it is asked before each packet.
type Guard struct {
	folder  string       // of the lab's sockets and files; "" for none
	results string       // the file that reports are written to; "" for none
	lab     netip.Prefix // of containers; see Within
	actions atomic.Int64
	began   atomic.Int64 // UnixNano of the first action
	now     func() time.Time
}

// NewGuard confines to loopback and to what lies below the lab's folder.
func NewGuard(folder, results string) *Guard {
	return &Guard{folder: folder, results: results, now: time.Now}
}

// ErrConfined is the refusal of a target outside the lab.
var ErrConfined = errors.New("outside the lab")

// Count takes an action from what is left, and fails when nothing is.
func (g *Guard) Count() error {
	g.began.CompareAndSwap(0, g.now().UnixNano())
	if g.actions.Add(1) > MaxActions {
		return fmt.Errorf("more than %d actions: the loop isn't bounded", MaxActions)
	}
	if g.now().Sub(time.Unix(0, g.began.Load())) > MaxTime {
		return fmt.Errorf("still acting after %s: the loop isn't bounded", MaxTime)
	}
	return nil
}

// Target reads "127.0.0.1:443", "tcp:[::1]:443" or "unix:/path", and refuses what isn't the lab's. A name is refused,
// too: what it resolves to is decided elsewhere.
func (g *Guard) Target(address string) (network, target string, err error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return "unix", path, g.Path(path)
	}
	address = strings.TrimPrefix(address, "tcp:")
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return "", "", fmt.Errorf("%q is no address of the lab: 127.0.0.1:port or unix:/path: %w", address, ErrConfined)
	}
	if ip := at.Addr(); !ip.IsLoopback() && !g.lab.Contains(ip) || ip.Is4In6() || ip.Zone() != "" {
		return "", "", fmt.Errorf("%s is neither loopback nor the lab's: %w", address, ErrConfined)
	}
	return "tcp", at.String(), nil
}

// Path refuses a file or socket that doesn't lie in the lab's folder. Abstract sockets have no folder.
func (g *Guard) Path(path string) error {
	if g.folder == "" || !filepath.IsAbs(path) || path != filepath.Clean(path) || !strings.HasPrefix(path, g.folder+"/") {
		return fmt.Errorf("%q isn't below the lab's folder: %w", path, ErrConfined)
	}
	if real, err := filepath.EvalSymlinks(path); err == nil && !strings.HasPrefix(real, g.folder+"/") {
		return fmt.Errorf("%q leads out of the lab's folder: %w", path, ErrConfined)
	}
	return nil
}

// dial connects, after both checks.
func (g *Guard) dial(ctx context.Context, address string) (net.Conn, error) {
	network, target, err := g.Target(address)
	if err != nil {
		return nil, &refusal{err}
	}
	if err := g.Count(); err != nil {
		return nil, &refusal{err}
	}
	dialer := net.Dialer{}
	if text, _ := ctx.Value(fromKey{}).(string); text != "" {
		ip, err := netip.ParseAddr(text)
		if err != nil || !ip.IsLoopback() {
			return nil, &refusal{fmt.Errorf("can't come from %q: %w", text, ErrConfined)}
		}
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, 0))
	}
	return dialer.DialContext(ctx, network, target)
}

type fromKey struct{}

// from has connections come from an address.
func from(ctx context.Context, address string) context.Context {
	return context.WithValue(ctx, fromKey{}, address)
}

// refusal is ours, not the other side's: the script hears it as an exception.
type refusal struct{ error }

func (r *refusal) Unwrap() error { return r.error }

// limit is an action's time: what the script asks for, within bounds.
func limit(ctx context.Context, milliseconds int) (context.Context, context.CancelFunc) {
	d := 5 * time.Second
	if milliseconds > 0 {
		d = min(time.Duration(milliseconds)*time.Millisecond, maxTimeout)
	}
	return context.WithTimeout(ctx, d)
}
