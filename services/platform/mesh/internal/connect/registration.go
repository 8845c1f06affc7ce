package connect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/hashicorp/consul/api"
)

// ttl is how long the agent believes a workload healthy that no longer says so.
const ttl = 6 * time.Second

// moves begins the ID of the check that turns critical only when the app or its data plane hangs: callers then give up
// what they have at this instance. When it merely isn't ready, or leaves, they let it finish.
const moves = "moves:"

// ErrHangs is what an app has that doesn't even say that it isn't ready.
var ErrHangs = errors.New("it hangs")

// Registration keeps a workload and its proxy in Consul's catalog. The workload's TTL check carries the
// app's readiness; one of the proxy's is an alias of it, so peers find only instances that can answer.
type Registration struct {
	// Proxy is what Consul tells the proxy, for one that has it from Consul; nil for ours, which hasn't. Set before Run.
	Proxy *api.AgentServiceConnectProxyConfig

	client *Client
	socket string                      // where the app listens
	ready  func(context.Context) error // whether the app can answer
	done   atomic.Bool
	hung   int // reports of readiness, one after the other, that the app hung
}

// hangsAfter so many reports an instance is said to hang: an app that was late once may only be busy.
const hangsAfter = 2

// NewRegistration describes the workload's registration. Run makes it.
func (c *Client) NewRegistration(appSocket string, ready func(context.Context) error) *Registration {
	return &Registration{client: c, socket: appSocket, ready: ready}
}

// Registered tells whether the agent knows the workload.
func (r *Registration) Registered() bool { return r.done.Load() }

// Run registers the proxy at listen, again with each new token because the agent keeps a service in sync with the token that
// registered it, and feeds the check until ctx ends.
func (r *Registration) Run(ctx context.Context, listen string) {
	attempts := newRetry()
	for {
		token, changed, err := r.client.session.get(ctx)
		if err != nil {
			return
		}
		err = r.register(ctx, token, listen)
		if ctx.Err() != nil {
			return
		}
		r.client.health.report("registration", err)
		if err != nil {
			r.client.session.refused(token, err)
			if !attempts.pause(ctx, changed) {
				return
			}
			continue
		}
		attempts.reset()
		r.done.Store(true)
		r.client.session.retire(ctx)
		r.feed(ctx, token, changed)
		if ctx.Err() != nil {
			return
		}
	}
}

// Deregister takes the workload out of the catalog, so that peers stop choosing it.
func (r *Registration) Deregister(ctx context.Context) error {
	token, ok, _ := r.client.session.token.load()
	if !ok || !r.done.Load() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	// The proxy was registered as part of the service and goes with it.
	err := r.client.http.Agent().ServiceDeregisterOpts(r.client.cfg.Instance, (&api.QueryOptions{Token: token}).WithContext(ctx))
	if err != nil {
		return fmt.Errorf("deregister: %w", err)
	}
	return nil
}

func (r *Registration) register(ctx context.Context, token, listen string) error {
	host, portText, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("register: %w", err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return fmt.Errorf("register: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cfg, told := r.client.cfg, r.Proxy
	if told == nil {
		told = &api.AgentServiceConnectProxyConfig{LocalServiceSocketPath: r.socket}
	}
	proxy := &api.AgentServiceRegistration{
		Kind: api.ServiceKindConnectProxy, Name: cfg.Service + "-sidecar-proxy", Address: host, Port: port,
		Proxy: told,
		Checks: api.AgentServiceChecks{{Name: "the app is ready", AliasService: cfg.Instance},
			{CheckID: moves + cfg.Instance, Name: "app and data plane move", TTL: ttl.String(), Status: api.HealthPassing}},
	}
	err = r.client.http.Agent().ServiceRegisterOpts(&api.AgentServiceRegistration{
		ID: cfg.Instance, Name: cfg.Service, SocketPath: r.socket,
		Connect: &api.AgentServiceConnect{SidecarService: proxy},
		Checks: api.AgentServiceChecks{{CheckID: r.checkID(), Name: "the app is ready", TTL: ttl.String(),
			DeregisterCriticalServiceAfter: "10m"}},
	}, (api.ServiceRegisterOpts{Token: token, ReplaceExistingChecks: true}).WithContext(ctx))
	if err != nil {
		return fmt.Errorf("register: %w", err)
	}
	return nil
}

func (r *Registration) checkID() string { return "ready:" + r.client.cfg.Instance }

// feed reports the app's readiness: at once when it changes, else often enough for the TTL. It returns
// when another token is in force or the agent has forgotten the check.
func (r *Registration) feed(ctx context.Context, token string, changed <-chan struct{}) {
	var sent string
	var sentAt time.Time
	for !isClosed(changed) {
		ready := r.ready(ctx)
		if errors.Is(ready, ErrHangs) {
			r.hung++
		} else {
			r.hung = 0
		}
		status, output := api.HealthPassing, "ready"
		if ready != nil {
			status, output = api.HealthCritical, ready.Error()
		}
		if status != sent || r.hung == hangsAfter || time.Since(sentAt) > ttl/3 {
			err := r.updateCheck(ctx, token, r.checkID(), status, output)
			if err == nil {
				err = r.tellMoves(ctx, token)
			}
			if ctx.Err() != nil {
				return
			}
			r.client.health.report("health check", err)
			if err != nil {
				r.client.session.refused(token, err)
				var reply api.StatusError
				if errors.As(err, &reply) {
					sleep(ctx, time.Second, changed)
					return // the agent lives but doesn't take it: register anew
				}
				sent = ""
			} else {
				sent, sentAt = status, time.Now()
			}
		}
		if !sleep(ctx, pollEvery(sent), changed) {
			return
		}
	}
}

// pollEvery is shorter while the app starts: others wait for it.
func pollEvery(status string) time.Duration {
	if status == api.HealthPassing {
		return time.Second
	}
	return 100 * time.Millisecond
}

func (r *Registration) tellMoves(ctx context.Context, token string) error {
	status, output := api.HealthPassing, "they move"
	if r.hung >= hangsAfter {
		status, output = api.HealthCritical, "the app doesn't answer" // without a word it would say nothing: see hangs
	}
	return r.updateCheck(ctx, token, moves+r.client.cfg.Instance, status, output)
}

func (r *Registration) updateCheck(ctx context.Context, token, check, status, output string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	err := r.client.http.Agent().UpdateTTLOpts(check, output, status, (&api.QueryOptions{Token: token}).WithContext(ctx))
	if err != nil {
		return fmt.Errorf("update health check: %w", err)
	}
	return nil
}
