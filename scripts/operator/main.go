// Command operator is what a lab's supervisor is to the control plane, for a platform in containers: it makes the lab CA,
// writes the servers' configuration into their volumes, initialises and unseals Vault, applies what topology.yaml says,
// publishes the policy, and unseals again after a restart. The CA's key and the unseal share are in its memory alone: when
// it is gone, so is the lab.
//
//	operator                 does that, until it is asked to end
//	operator await <step>    returns once the running one has done a step: "configured" or "served"
//	operator token <user>    prints an access token of a demo user's
//	operator dial            is a connection to the running one: package control's, on standard input and output
//	operator dial sentinel   is one to sentinel's admin socket
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/responder"
	"redoubt.example/scripts/internal/stack"
	"redoubt.example/scripts/internal/supervisor"
	"redoubt.example/services/platform/config"
	"redoubt.example/services/platform/lifecycle"
	"redoubt.example/services/platform/telemetry"
	"redoubt.example/threatmodel"
)

type settings struct {
	RunDir       string `env:"RUN_DIR,required,notEmpty"`
	Socket       string `env:"OPERATOR_SOCKET,required,notEmpty"`
	AttestSocket string `env:"ATTEST_SOCKET"`
	GatewayURL   string `env:"GATEWAY_URL" envDefault:"https://gateway:8443"`
	LogLevel     string `env:"LOG_LEVEL" envDefault:"info"`

	Respond threatmodel.Mode `env:"RESPOND" envDefault:"propose"` // the mode beyond which no runbook goes by itself
	Shared  netip.Prefix     `env:"SHARED_ADDRESSES"`             // the platform's networks: what comes by the engine's host has an address there
}

func main() { lifecycle.Main(run) }

func run(ctx context.Context) error {
	var cfg settings
	if err := config.Load(&cfg); err != nil {
		return err
	}
	switch args := os.Args[1:]; {
	case len(args) == 0:
		return operate(ctx, cfg)
	case len(args) == 2 && args[0] == "await":
		_, err := call(ctx, cfg.Socket, http.MethodGet, "/v1/await/"+args[1], nil)
		return err
	case len(args) == 2 && args[0] == "token":
		token, err := control.NewClient(cfg.Socket).Token(ctx, args[1], nil)
		if err == nil {
			_, err = fmt.Println(token)
		}
		return err
	case len(args) == 1 && args[0] == "dial":
		return dial(ctx, cfg.Socket)
	case len(args) == 2 && args[0] == "dial" && args[1] == "sentinel":
		return dial(ctx, filepath.Join(cfg.RunDir, "sentinel", "admin.sock"))
	}
	return &config.Error{Reason: "usage: operator [await configured|served, token <user>, dial [sentinel]]"}
}

func operate(ctx context.Context, cfg settings) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	log := telemetry.NewLogger(os.Stderr, "operator", cfg.LogLevel)
	slog.SetDefault(log)
	attestor := attestor{socket: cfg.AttestSocket}
	key, err := attestor.key(ctx)
	if err != nil {
		return err
	}
	s, err := stack.NewContainers(stack.ContainersConfig{
		RunDir: cfg.RunDir, Public: filepath.Join(cfg.RunDir, "public"), GatewayURL: cfg.GatewayURL, Key: key,
		Issue: attestor.issue, Withhold: attestor.withhold, Restore: attestor.restore, ServerUser: ownerIn(cfg.RunDir), Log: log,
	})
	if err != nil {
		return err
	}
	sup, err := supervisor.New(supervisor.Config{
		Log: log, StartTimeout: startTimeout,
		Output: func(string) (io.WriteCloser, error) { return discard{io.Discard}, nil },
	}, s.ContainerSpecs()...)
	if err != nil {
		return err
	}
	parts := lifecycle.NewGroup(ctx)
	parts.Go("steps", func(ctx context.Context) error { return sup.Run(ctx, context.Background()) })
	parts.Go("server logs", func(ctx context.Context) error {
		s.ShipServerLogs(ctx, nil)
		return nil
	})
	answers := &responder.Responder{}
	parts.Go("alerts", func(ctx context.Context) error {
		if err := await(ctx, sup, "served"); err != nil {
			return nil //nolint:nilerr // that step says so itself
		}
		run, err := answers.Start(ctx, responder.Config{
			Stack: s, Most: cfg.Respond, Journal: filepath.Join(filepath.Dir(cfg.Socket), "responses"), Run: rand.Text(), Shared: cfg.shared(), Log: log,
		})
		if err == nil {
			run()
		}
		return err
	})
	parts.Go("socket", func(ctx context.Context) error { return serve(ctx, cfg.Socket, lab{answers, s, cancel}, sup) })
	return parts.Wait()
}

func (s settings) shared() []netip.Prefix {
	if !s.Shared.IsValid() {
		return nil
	}
	return []netip.Prefix{s.Shared}
}

// startTimeout: an engine starts containers when it likes, and pulls images first.
const startTimeout = 10 * time.Minute

// discard: the steps log by themselves.
type discard struct{ io.Writer }

func (discard) Close() error { return nil }

// errNoStep is for who asks for a step that isn't one.
var errNoStep = errors.New("no such step")
