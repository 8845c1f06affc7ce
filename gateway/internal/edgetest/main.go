// Edgetest serves the public API, or what it is compared with, for `lab bench gateway`: the same TLS, the same upstream
// behind a unix socket, and one way between them.
//
//	edgetest upstream SOCKET
//	edgetest reverseproxy|echo|off|on|waf ADDRESS DIR SOCKET [LEDGER]
//
// DIR holds the certificate, the issuer's address and the contract. LEDGER is the file that the time of each control goes
// to, in the end.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"redoubt.example/gateway/internal/edge"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "edgetest:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 2 && args[0] == "upstream":
		return serveUpstream(ctx, args[1])
	case len(args) == 4 || len(args) == 5:
	default:
		return errors.New("wrong arguments")
	}
	mode, address, dir, socket := args[0], args[1], args[2], args[3]
	certificate, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		return err
	}
	// As a gateway's log does, each line costs a call of the kernel; where it goes is not what is measured.
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	log := slog.New(slog.NewJSONHandler(null, nil))
	handler, finish, err := handlerOf(ctx, mode, dir, socket, log)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	config := edge.TLS(func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &certificate, nil })
	if err := edge.Serve(ctx, l, config, handler, log); err != nil {
		return err
	}
	if len(args) == 5 {
		return finish(args[4])
	}
	return nil
}

func handlerOf(ctx context.Context, mode, dir, socket string, log *slog.Logger) (http.Handler, func(ledger string) error, error) {
	to := &url.URL{Scheme: "http", Host: "upstream"}
	switch mode {
	case "reverseproxy":
		proxy := httputil.NewSingleHostReverseProxy(to)
		proxy.Transport = transport(socket)
		return proxy, none, nil
	case "echo":
		e := echo.New()
		e.Use(middleware.ProxyWithConfig(middleware.ProxyConfig{
			Balancer: middleware.NewRoundRobinBalancer([]*middleware.ProxyTarget{{URL: to}}), Transport: transport(socket),
		}))
		return e, none, nil
	case "off", "on", "waf":
		return api(ctx, mode, dir, socket, log)
	}
	return nil, nil, fmt.Errorf("there is no mode %q", mode)
}

func none(string) error { return nil }

// transport is as bare as a proxy's own, but for where it dials.
func transport(socket string) *http.Transport {
	return &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
}

// answer is what every request gets: the benchmark's prober knows it.
var answer = strings.Repeat("r", 512)

func serveUpstream(ctx context.Context, socket string) error {
	l, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	s := &http.Server{ReadHeaderTimeout: edgeTimeout, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", fmt.Sprint(len(answer)))
		_, _ = io.WriteString(w, answer)
	})}
	go func() { <-ctx.Done(); _ = s.Close() }()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
