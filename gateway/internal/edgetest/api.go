package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"redoubt.example/gateway/internal/accesstoken"
	"redoubt.example/gateway/internal/address"
	"redoubt.example/gateway/internal/contract"
	"redoubt.example/gateway/internal/dpop"
	"redoubt.example/gateway/internal/edge"
	"redoubt.example/gateway/internal/ratelimit"
	"redoubt.example/gateway/internal/rpc"
	"redoubt.example/gateway/internal/shed"
	"redoubt.example/gateway/internal/waf"
	"redoubt.example/infra/topology"
	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/telemetry"
	"redoubt.example/services/platform/upstream"
)

const edgeTimeout = 10 * time.Second

// plenty is a quota that is looked at and never used up.
var plenty = ratelimit.Quota{Count: 1 << 20, Period: time.Second}

// api is the gateway's own: with every control off, all but the WAF, or all.
func api(ctx context.Context, mode, dir, socket string, log *slog.Logger) (http.Handler, func(string) error, error) {
	if mode == "off" {
		if err := controls.SwitchOff(log, edgeControls()); err != nil {
			return nil, nil, err
		}
	}
	cfg, err := settings(ctx, dir, log)
	if err != nil {
		return nil, nil, err
	}
	if mode == "waf" {
		policy, err := waf.ParsePolicy("block", 1, []string{"POST /v1/documents=detect"})
		if err != nil {
			return nil, nil, err
		}
		if cfg.WAF, err = waf.Load(policy); err != nil {
			return nil, nil, err
		}
	}
	record := &recorder{next: upstream.HTTP(dialer(socket), "ingestion", upstream.WithLogger(log)).Transport(), took: map[string][]int64{}}
	cfg.Upstream = func(string) http.RoundTripper { return record }
	h, err := edge.New(cfg)
	return h, record.write, err
}

// edgeControls are those of the gateway's chain: its TLS stays, as the proxies have it, too.
func edgeControls() (ids []string) {
	for _, c := range controls.All() {
		if c.Layer == controls.Edge && c.ID != controls.EdgeTLS && c.ID != controls.EdgeRoutes {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

func settings(ctx context.Context, dir string, log *slog.Logger) (cfg edge.Config, err error) {
	issuer, err := os.ReadFile(filepath.Join(dir, "issuer"))
	if err != nil {
		return cfg, err
	}
	client, err := accesstoken.Client(filepath.Join(dir, "cert.pem"))
	if err != nil {
		return cfg, err
	}
	tokens := accesstoken.New(accesstoken.Config{Issuer: string(issuer), Audience: "redoubt", SubjectClaim: "username", Client: client})
	go func() { _ = tokens.Run(ctx) }()
	minter, err := authn.NewMinter("bench.consul")
	if err != nil {
		return cfg, err
	}
	text, err := os.ReadFile(filepath.Join(dir, "openapi.yaml"))
	if err != nil {
		return cfg, err
	}
	cfg = edge.Config{Tokens: tokens, Log: log, Metrics: telemetry.NewMetrics("gateway"), Ready: tokens.Ready,
		Mint: func(g authn.Grant) (string, error) {
			g.Requester = "spiffe://bench.consul/ns/default/dc/dc1/svc/gateway"
			return minter.Mint(g)
		},
		RPC: rpc.Handlers(nil), // these routes aren't measured
	}
	if cfg.Contract, err = contract.Load(text); err != nil {
		return cfg, err
	}
	if cfg.Addresses, err = address.Open(address.Config{DenyList: filepath.Join(dir, "deny"), Log: log}); err != nil {
		return cfg, err
	}
	cfg.Limits = edge.Limits{Limiter: ratelimit.NewLocal(), Address: plenty, Principal: plenty, Route: plenty, Cost: plenty}
	cfg.Work = shed.New(shed.Config{Min: 2 * runtime.GOMAXPROCS(0), Max: 512, Line: 128, Lines: 512, Wait: time.Second})
	cfg.Streams = shed.New(shed.Config{Min: 256, Max: 256, Line: 128, Lines: 512, Wait: time.Second})
	if cfg.DPoP.Verifier, err = dpop.New(dpop.Config{Origins: []string{"https://127.0.0.1"}}); err != nil {
		return cfg, err
	}
	top, err := topology.Load()
	if err != nil {
		return cfg, err
	}
	for _, r := range top.Edge {
		cfg.Routes = append(cfg.Routes, edge.Route(r))
	}
	return cfg, nil
}

type dialer string

func (d dialer) Dial(ctx context.Context, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "unix", string(d))
}

// recorder is the way to the upstream; on it, it copies the request's ledger: all controls have entered their time.
type recorder struct {
	next http.RoundTripper
	mu   sync.Mutex
	took map[string][]int64 // by control, in nanoseconds
}

// most bounds the recorder's memory.
const most = 200_000

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	if recording {
		entries := controls.LedgerOf(request.Context()).Entries()
		r.mu.Lock()
		for _, e := range entries {
			key := request.Method + " " + e.Name
			if len(r.took[key]) < most {
				r.took[key] = append(r.took[key], e.Time.Nanoseconds())
			}
		}
		r.mu.Unlock()
	}
	return r.next.RoundTrip(request)
}

// recording is on where there is a ledger to write.
var recording = len(os.Args) == 6

func (r *recorder) write(path string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	text, err := json.Marshal(r.took)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}
