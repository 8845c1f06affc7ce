// Command relay is one service of a chain on this machine: it hands requests on to the next as often as they say, and
// the last gives the body back.
//
//	relay [-next <address>] <address>     an address is unix:<path> or tcp:<loopback>:<port>
//
// It ends with its standard input.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"

	"redoubt.example/loadtest/bench"
)

var errUsage = errors.New("usage: relay [-next <address>] <address>, an address being unix:<path> or tcp:<loopback>:<port>")

func main() {
	err := run(os.Args[1:])
	switch {
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, "relay:", err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "relay:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("relay", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	nextAddress := flags.String("next", "", "")
	if err := flags.Parse(args); err != nil || flags.NArg() != 1 {
		return errUsage
	}
	network, address, err := parse(flags.Arg(0))
	if err != nil {
		return err
	}
	var next func(context.Context) (net.Conn, error)
	if *nextAddress != "" {
		network, address, err := parse(*nextAddress)
		if err != nil {
			return err
		}
		next = func(ctx context.Context) (net.Conn, error) { return (&net.Dialer{}).DialContext(ctx, network, address) }
	}
	ln, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	server := bench.HopServer(next)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// parse knows only addresses of this machine: what relays anything to anywhere is an open proxy.
func parse(text string) (network, address string, err error) {
	network, address, _ = strings.Cut(text, ":")
	switch network {
	case "unix":
		if address != "" {
			return network, address, nil
		}
	case "tcp":
		if at, err := netip.ParseAddrPort(address); err == nil && at.Addr().IsLoopback() {
			return network, address, nil
		}
	}
	return "", "", fmt.Errorf("%w: not %q", errUsage, text)
}
