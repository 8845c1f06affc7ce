package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"redoubt.example/infra/controlplane"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exercise"
)

func (a *app) useHonestly(ctx context.Context) error {
	return a.asUser(ctx, "alice", "", func(h exercise.Honest) error { return h.Use(ctx) })
}

// asUser has a user of the platform do something, from an address of loopback's; "" is any.
func (a *app) asUser(ctx context.Context, user, address string, do func(exercise.Honest) error) error {
	outside, token, status, err := a.edgeAs(ctx, user)
	if err != nil {
		return err
	}
	defer outside.CloseIdleConnections()
	if transport, ok := outside.Transport.(*http.Transport); ok && address != "" {
		transport.DialContext = (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}).DialContext
	}
	return do(exercise.Honest{Gateway: status.GatewayURL, Client: outside, Token: token})
}

// renewedWithin is how long services take at most to have moved to their next logins: a connection is given up after the other.
const renewedWithin = 20 * time.Second

// renewLogins has each service use its next login to its database, and no longer the one that it holds. That one lasts for minutes in which
// nobody would notice that there is no next one.
func (a *app) renewLogins(ctx context.Context) error {
	client, _, err := a.running()
	if err != nil {
		return err
	}
	before, err := logins(ctx, client)
	if err != nil {
		return err
	}
	if _, err := client.Rotate(ctx, control.Logins, ""); err != nil {
		return fmt.Errorf("users are served until a service's login to its database ends, as it gets no other: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, renewedWithin)
	defer cancel()
	held := before
	for {
		now, err := logins(ctx, client)
		switch {
		case err == nil:
			held = slices.DeleteFunc(held, func(id string) bool { return !slices.Contains(now, id) })
		case ctx.Err() == nil:
			return err
		}
		if len(held) == 0 {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("logins to databases that were given back don't end: %s", strings.Join(held, ", "))
		}
	}
}

// logins are the IDs of all leases of logins to databases that are out.
func logins(ctx context.Context, client *control.Client) (ids []string, err error) {
	all, err := client.Secrets(ctx)
	for _, s := range all {
		if s.Kind == controlplane.DatabaseLogin {
			ids = append(ids, s.ID)
		}
	}
	return ids, err
}
