package connect

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/consul/api"
)

// authMethod is Consul's JWT auth method for the mesh's workloads.
const authMethod = "workloads"

// session keeps a Consul token. A token got by login can't be renewed, so another login takes its place
// at half its life; the old one is logged out only once the registration no longer depends on it.
type session struct {
	client  *Client
	token   *latest[string]
	invalid chan string // tokens that Consul no longer knows
	retired chan string // tokens to log out
}

func newSession(c *Client) *session {
	return &session{client: c, token: newLatest[string](), invalid: make(chan string, 1), retired: make(chan string, 8)}
}

func (s *session) loggedIn() bool { return s.token.known() }

// get returns the token, waiting for the first one, and a channel that closes when another takes its place.
func (s *session) get(ctx context.Context) (string, <-chan struct{}, error) {
	for {
		token, ok, changed := s.token.load()
		if ok {
			return token, changed, nil
		}
		select {
		case <-ctx.Done():
			return "", nil, ctx.Err()
		case <-changed:
		}
	}
}

// refused is told of every error that Consul gave for a token: one that it doesn't know means a new login.
func (s *session) refused(token string, err error) {
	if tokenUnknown(err) {
		select {
		case s.invalid <- token:
		default:
		}
	}
}

func (s *session) run(ctx context.Context) {
	attempts := newRetry()
	for {
		token, life, err := s.login(ctx)
		if ctx.Err() != nil {
			return
		}
		s.client.health.report("login", err)
		if err != nil {
			if !attempts.pause(ctx, nil) {
				return
			}
			continue
		}
		attempts.reset()
		if old, ok, _ := s.token.load(); ok {
			select {
			case s.retired <- old:
			default: // it ends by itself
			}
		}
		s.token.store(token)
		if !s.hold(ctx, token, life/2) {
			return
		}
	}
}

// hold waits until a new login is due: the time has come, or Consul has forgotten the token.
func (s *session) hold(ctx context.Context, token string, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return true
		case unknown := <-s.invalid:
			if unknown == token {
				return true
			}
		}
	}
}

// meta tells the operator whose token it is, who revokes it when the process has ended without logging out.
func (s *session) meta() map[string]string {
	return map[string]string{"instance": s.client.cfg.Instance, "pid": strconv.Itoa(os.Getpid())}
}

// login trades the attested JWT for a token and tells how long that lives.
func (s *session) login(ctx context.Context) (token string, life time.Duration, err error) {
	jwt, err := os.ReadFile(s.client.cfg.JWTFile)
	if err != nil {
		return "", 0, fmt.Errorf("read the workload's JWT: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	t, _, err := s.client.http.ACL().Login(&api.ACLLoginParams{AuthMethod: authMethod, BearerToken: strings.TrimSpace(string(jwt)), Meta: s.meta()},
		(&api.WriteOptions{}).WithContext(ctx))
	if err != nil {
		return "", 0, fmt.Errorf("log in to Consul: %w", err)
	}
	if t.ExpirationTime == nil {
		return t.SecretID, time.Hour, nil
	}
	return t.SecretID, max(time.Until(*t.ExpirationTime), time.Second), nil
}

// retire logs out the tokens before the one in force.
func (s *session) retire(ctx context.Context) {
	for {
		select {
		case old := <-s.retired:
			if err := s.logout(ctx, old); err != nil && !tokenUnknown(err) {
				s.client.cfg.Log.Warn("old consul token not logged out; it ends by itself", "error", err.Error())
			}
		default:
			return
		}
	}
}

func (s *session) close(ctx context.Context) error {
	s.retire(ctx)
	token, ok, _ := s.token.load()
	if !ok {
		return nil
	}
	if err := s.logout(ctx, token); err != nil {
		return fmt.Errorf("log out of Consul: %w", err)
	}
	return nil
}

func (s *session) logout(ctx context.Context, token string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, err := s.client.http.ACL().Logout((&api.WriteOptions{Token: token}).WithContext(ctx))
	return err
}

// tokenUnknown knows Consul's answer for a token that has expired, was deleted or never was; HTTP and gRPC share its text.
func tokenUnknown(err error) bool {
	return err != nil && strings.Contains(err.Error(), "ACL not found")
}
