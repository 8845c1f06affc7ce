package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"redoubt.example/gateway/internal/address"
	"redoubt.example/gateway/internal/dpop"
	"redoubt.example/gateway/internal/edge"
	"redoubt.example/gateway/internal/ratelimit"
	"redoubt.example/gateway/internal/shed"
	"redoubt.example/services/platform/config"
	"redoubt.example/services/platform/workload"
)

// Clients are the settings of how much of the gateway a client may have, and what is asked of it.
type Clients struct {
	TrustedProxies address.Proxies `env:"GATEWAY_TRUSTED_PROXIES"` // networks whose X-Forwarded-For is believed

	LimitAddress   ratelimit.Quota `env:"GATEWAY_LIMIT_ADDRESS" envDefault:"200/1s"`
	LimitPrincipal ratelimit.Quota `env:"GATEWAY_LIMIT_PRINCIPAL" envDefault:"100/1s"`
	LimitRoute     ratelimit.Quota `env:"GATEWAY_LIMIT_ROUTE" envDefault:"50/1s"`
	LimitCost      ratelimit.Quota `env:"GATEWAY_LIMIT_COST" envDefault:"1048576/1s"` // bytes

	RedisURL          string `env:"REDIS_URL"` // redis:// or rediss://, without a password
	RedisPasswordFile string `env:"REDIS_PASSWORD_FILE"`
	RedisCAFile       string `env:"REDIS_CA_FILE"`

	Concurrency int `env:"GATEWAY_CONCURRENCY" envDefault:"512"` // the most requests in work at once, streams apart
	Streams     int `env:"GATEWAY_STREAMS" envDefault:"256"`     // the most streams at once

	DenyList      string   `env:"GATEWAY_DENY_LIST"`  // a file of networks
	AllowList     string   `env:"GATEWAY_ALLOW_LIST"` // a file of networks that the deny list and countries don't concern
	GeoDatabase   string   `env:"GATEWAY_GEO_DATABASE"`
	DenyCountries []string `env:"GATEWAY_DENY_COUNTRIES"`

	DPoP          string   `env:"GATEWAY_DPOP" envDefault:"optional"`
	DPoPNonce     bool     `env:"GATEWAY_DPOP_NONCE"`
	PublicOrigins []string `env:"GATEWAY_PUBLIC_ORIGINS"` // by which clients reach the gateway; default: its own names

	TLS12 bool `env:"GATEWAY_TLS12"`
}

// The values of GATEWAY_DPOP.
var dpopModes = []string{"off", "optional", "required"}

// How long, and how many, may wait for their turn. As many as one HTTP/2 connection may ask for at once fit in line.
const (
	longestWait = 5 * time.Second
	clientLine  = 128
	allLines    = 512
)

// leastConcurrency is what is in work at once however slow everything is.
func leastConcurrency() int { return 2 * runtime.GOMAXPROCS(0) }

// Validate reports what is wrong before anything is opened.
func (c Clients) Validate() error {
	var errs []error
	if !slices.Contains(dpopModes, c.DPoP) {
		errs = append(errs, fmt.Errorf("REDOUBT_GATEWAY_DPOP %q is not one of %v", c.DPoP, dpopModes))
	}
	if _, err := dpop.New(dpop.Config{Origins: c.PublicOrigins}); err != nil {
		errs = append(errs, fmt.Errorf("REDOUBT_GATEWAY_PUBLIC_ORIGINS: %w", err))
	}
	if c.Concurrency < leastConcurrency() || c.Streams < 1 {
		errs = append(errs, fmt.Errorf("REDOUBT_GATEWAY_CONCURRENCY is below %d, or REDOUBT_GATEWAY_STREAMS below 1", leastConcurrency()))
	}
	if _, err := c.addresses(nil); err != nil {
		errs = append(errs, err)
	}
	if c.RedisURL != "" {
		if client, err := c.redis(); err != nil {
			errs = append(errs, err)
		} else {
			_ = client.Close()
		}
	} else if c.RedisPasswordFile != "" || c.RedisCAFile != "" {
		errs = append(errs, errors.New("REDOUBT_REDIS_PASSWORD_FILE and REDOUBT_REDIS_CA_FILE need REDOUBT_REDIS_URL"))
	}
	return errors.Join(errs...)
}

func (c Clients) addresses(log *slog.Logger) (*address.Reputation, error) {
	return address.Open(address.Config{DenyList: c.DenyList, AllowList: c.AllowList, GeoDatabase: c.GeoDatabase, DenyCountries: c.DenyCountries, Log: log})
}

func (c Clients) redis() (*redis.Client, error) {
	client, err := ratelimit.Redis{URL: c.RedisURL, PasswordFile: c.RedisPasswordFile, CAFile: c.RedisCAFile}.Connect()
	if err != nil {
		return nil, fmt.Errorf("REDOUBT_REDIS_URL: %w", err)
	}
	return client, nil
}

// open makes of the settings what the edge enforces, and has what needs it run with the workload.
func (c Clients) open(w *workload.Workload, cfg *edge.Config, own []string) error {
	known, err := c.addresses(w.Log)
	if err != nil {
		return &config.Error{Reason: err.Error()}
	}
	w.Go("address lists", known.Run)
	cfg.Proxies, cfg.Addresses = c.TrustedProxies, known

	cfg.Limits = edge.Limits{Limiter: ratelimit.NewLocal(), Address: c.LimitAddress, Principal: c.LimitPrincipal, Route: c.LimitRoute, Cost: c.LimitCost}
	if c.RedisURL != "" {
		client, err := c.redis()
		if err != nil {
			return &config.Error{Reason: err.Error()}
		}
		w.OnClose(func() { _ = client.Close() })
		shared := ratelimit.NewShared(client, w.Log)
		w.Metrics.MustRegister(shared.Collector())
		cfg.Limits.Limiter = shared
	}

	cfg.Work = shed.New(shed.Config{Min: leastConcurrency(), Max: c.Concurrency, Line: clientLine, Lines: allLines, Wait: longestWait})
	cfg.Streams = shed.New(shed.Config{Min: c.Streams, Max: c.Streams, Line: clientLine, Lines: allLines, Wait: longestWait})
	w.Metrics.MustRegister(append(cfg.Work.Collectors("requests"), cfg.Streams.Collectors("streams")...)...)

	if c.DPoP == "off" {
		return nil
	}
	if len(c.PublicOrigins) > 0 {
		own = c.PublicOrigins
	}
	cfg.DPoP.Required = c.DPoP == "required"
	cfg.DPoP.Verifier, err = dpop.New(dpop.Config{Origins: own, Nonce: c.DPoPNonce})
	return err
}

// origins are those of the names in the edge's certificate.
func (s settings) origins(listener net.Addr) []string {
	_, port, _ := net.SplitHostPort(listener.String())
	dns, ips := s.names()
	var all []string
	for _, name := range dns {
		all = append(all, "https://"+net.JoinHostPort(name, port))
	}
	for _, ip := range ips {
		all = append(all, "https://"+net.JoinHostPort(ip.String(), port))
	}
	return all
}
