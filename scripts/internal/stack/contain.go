package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"redoubt.example/scripts/internal/respond"
	"redoubt.example/scripts/internal/unixhttp"
	"redoubt.example/services/platform/containment"
)

// Responses are the actions of package respond in this lab. What the gateway is to refuse it is told as a whole each time.
type Responses struct {
	stack *Stack

	mu      sync.Mutex
	entries []containment.Entry
}

// Responses returns the one that there is to be.
func (s *Stack) Responses() *Responses { return &Responses{stack: s} }

// Do implements respond.Actions.
func (r *Responses) Do(ctx context.Context, a respond.Action) error {
	switch a.Kind {
	case "isolate-service":
		return r.stack.shutOut(ctx, a.Target)
	case "revoke-leases":
		return r.stack.plane.RevokeLogins(ctx, a.Target)
	case "rotate-key":
		_, err := r.stack.orderRotation(ctx, gateway, a.Target)
		return err
	}
	return r.contain(ctx, func(all []containment.Entry) []containment.Entry {
		return append(without(all, a), containment.Entry{Kind: a.Kind, Target: a.Target, Until: a.Until})
	})
}

// Undo implements respond.Actions. A service that is let in again has everything but its certificate and its logins, which it gets by
// itself; its components can be waited for.
func (r *Responses) Undo(ctx context.Context, a respond.Action) error {
	if a.Kind == "isolate-service" {
		return r.stack.LetIn(ctx, a.Target)
	}
	return r.contain(ctx, func(all []containment.Entry) []containment.Entry { return without(all, a) })
}

func without(all []containment.Entry, a respond.Action) []containment.Entry {
	return slices.DeleteFunc(slices.Clone(all), func(e containment.Entry) bool { return e.Kind == a.Kind && e.Target == a.Target })
}

// contain changes the gateway's list. What the gateway doesn't take doesn't become the list.
func (r *Responses) contain(ctx context.Context, change func([]containment.Entry) []containment.Entry) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := slices.DeleteFunc(change(r.entries), func(e containment.Entry) bool { return time.Now().After(e.Until) })
	if err := r.stack.tellGateway(ctx, containment.List{Entries: next}); err != nil {
		return fmt.Errorf("tell the gateway whom to refuse: %w", err)
	}
	r.entries = next
	return nil
}

func (s *Stack) tellGateway(ctx context.Context, list containment.List) error {
	body, err := json.Marshal(list)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://admin"+containment.Path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := unixhttp.Client(s.own(gateway, "admin.sock")).Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(res.Body, 300))
		return fmt.Errorf("status %d: %s", res.StatusCode, bytes.TrimSpace(why))
	}
	return nil
}

// probeOf is the request that crosses the gateway to a service, for those that have one.
var probeOf = map[string]int{"payments": 0, "ingestion": 1, "notification": 2, "inference": 3}

// AwaitBack waits until a service that was let in again has its logins and certificates, and is found by who calls it. In
// containers its own word is out of reach.
func (s *Stack) AwaitBack(ctx context.Context, service string) error {
	for _, w := range s.instances {
		if w.service != service || s.volumes != "" {
			continue
		}
		well := answers(s.folder(w.name, "admin.sock"))
		if err := retry(ctx, func() error { return well(ctx) }); err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
	}
	which, ok := probeOf[service]
	if !ok {
		return nil
	}
	client, err := s.edgeClient()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	token, err := s.AccessToken(ctx, "alice", nil)
	if err != nil {
		return err
	}
	p := probes[which]
	return retry(ctx, func() error { return s.probe(ctx, client, token, p.method, p.path, p.body) })
}

func retry(ctx context.Context, do func() error) error {
	for {
		err := do()
		if err == nil {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

// Services are those of the topology.
func (s *Stack) Services() []string { return s.topology.Names() }

// staff are the scopes that only people of ours have.
var staff = []string{"payments:credit", "payments:refund", "accounts:admin", "webhooks:admin"}

// Staff are the demo users who have such a scope.
func (s *Stack) Staff() (names []string) {
	for user, scopes := range s.topology.Users {
		if slices.ContainsFunc(scopes, func(scope string) bool { return slices.Contains(staff, scope) }) {
			names = append(names, user)
		}
	}
	return names
}

// Shared are the addresses that many honest users come from, and that nobody blocks: this machine's, from which all of the lab's users
// come; the proxies that the gateway trusts; and what its allow list holds, as it is now.
func (s *Stack) Shared() ([]netip.Prefix, error) {
	all := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("::1/128")}
	for _, line := range s.settings[gateway] {
		key, value, _ := strings.Cut(line, "=")
		switch key {
		case "REDOUBT_GATEWAY_TRUSTED_PROXIES":
			value = strings.ReplaceAll(value, ",", "\n")
		case "REDOUBT_GATEWAY_ALLOW_LIST":
			text, err := os.ReadFile(value)
			if err != nil {
				return nil, fmt.Errorf("read the gateway's allow list: %w", err)
			}
			value = string(text)
		default:
			continue
		}
		for entry := range strings.SplitSeq(value, "\n") {
			if at := strings.IndexAny(entry, "#;"); at >= 0 {
				entry = entry[:at]
			}
			if p, ok := network(strings.TrimSpace(entry)); ok {
				all = append(all, p)
			}
		}
	}
	return all, nil
}

func network(text string) (netip.Prefix, bool) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(text)
	return p, err == nil
}
