package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"time"
)

// Relay is the program of this module's folder bench/relay: one service of a chain. Addresses are unix:<path> or
// tcp:<loopback>:<port>.
type Relay struct {
	Program, Address string
	Next             string // "" for the last
}

// Dialer connects to such an address.
func Dialer(address string) func(ctx context.Context) (net.Conn, error) {
	network, at, _ := strings.Cut(address, ":")
	return func(ctx context.Context) (net.Conn, error) { return (&net.Dialer{}).DialContext(ctx, network, at) }
}

// Start starts it and returns when it answers. It dies with us, or when stop is called.
func (r Relay) Start(ctx context.Context) (stop func(), err error) {
	args := []string{r.Address}
	if r.Next != "" {
		args = []string{"-next", r.Next, r.Address}
	}
	cmd := exec.CommandContext(ctx, r.Program, args...)
	cmd.Env = []string{}
	var words strings.Builder
	cmd.Stderr = &words
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a relay: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stop = func() {
		_ = in.Close()
		<-ended
	}
	for began := time.Now(); ; {
		chain := NewChain(Dialer(r.Address))
		_, err := chain.Request(ctx, Way{Hops: 1})
		chain.Close()
		if err == nil {
			return stop, nil
		}
		select {
		case end := <-ended:
			return nil, fmt.Errorf("start a relay: %w: %s", errors.Join(err, end), words.String())
		case <-time.After(10 * time.Millisecond):
		}
		if time.Since(began) > exchangeTimeout {
			stop()
			return nil, fmt.Errorf("start a relay: %w", err)
		}
	}
}
