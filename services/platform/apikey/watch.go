package apikey

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	consul "github.com/hashicorp/consul/api"
)

// Watch says whose Consul token reads the records.
type Watch struct {
	Addr    string // host:port of Consul's HTTPS API
	CAFile  string // the only CA that Consul's certificate is believed from
	JWTFile string // the workload's attested document for Consul
	// Instance tells the operator whose token it is, who revokes it when the process has ended without logging out.
	Instance string
	Log      *slog.Logger
}

const (
	authMethod   = "workloads"
	waitTime     = 10 * time.Second // of a blocking query: a confirmation at least that often
	longestPause = 2 * time.Second
)

// Run keeps the set as Consul has it, by blocking queries, until ctx ends. What fails is logged, once an outage, and
// tried again.
func (w Watch) Run(ctx context.Context, set *Set) error {
	anonymous, err := w.client("")
	if err != nil {
		return err
	}
	pause, away := 100*time.Millisecond, false
	for ctx.Err() == nil {
		err := w.session(ctx, anonymous, set, func() {
			if away {
				w.Log.Info("API keys are watched again")
			}
			pause, away = 100*time.Millisecond, false
		})
		if ctx.Err() != nil {
			break
		}
		if err != nil && !away {
			away = true
			w.Log.Warn("API keys can't be watched; those known are good for a while", "for", MaxStale.String(), "error", err.Error())
		}
		if err != nil {
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
			pause = min(2*pause, longestPause)
		}
	}
	return nil
}

// session logs in, and watches until half of the token's life is over, which can't be renewed.
func (w Watch) session(ctx context.Context, anonymous *consul.Client, set *Set, confirmed func()) error {
	document, err := os.ReadFile(w.JWTFile)
	if err != nil {
		return fmt.Errorf("log in to Consul: read document: %w", err)
	}
	token, _, err := anonymous.ACL().Login(&consul.ACLLoginParams{AuthMethod: authMethod, BearerToken: strings.TrimSpace(string(document)),
		Meta: map[string]string{"instance": w.Instance, "pid": strconv.Itoa(os.Getpid())}},
		(&consul.WriteOptions{}).WithContext(ctx))
	if err != nil {
		return fmt.Errorf("log in to Consul: %w", err)
	}
	client, err := w.client(token.SecretID)
	if err != nil {
		return err
	}
	defer func() {
		out, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		_, _ = client.ACL().Logout((&consul.WriteOptions{}).WithContext(out)) // at worst it ends by itself
	}()
	until := time.Now().Add(5 * time.Minute)
	if token.ExpirationTime != nil {
		until = time.Now().Add(time.Until(*token.ExpirationTime) / 2)
	}
	return w.follow(ctx, client, set, until, confirmed)
}

func (w Watch) follow(ctx context.Context, client *consul.Client, set *Set, until time.Time, confirmed func()) error {
	var index uint64
	for time.Now().Before(until) {
		options := (&consul.QueryOptions{WaitIndex: index, WaitTime: waitTime}).WithContext(ctx)
		pairs, meta, err := client.KV().List(Folder, options)
		if err != nil {
			return fmt.Errorf("read API keys: %w", err)
		}
		if meta.LastIndex != index {
			index = meta.LastIndex
			if err := w.update(ctx, set, pairs); err != nil {
				return err
			}
		}
		set.Confirm()
		confirmed()
	}
	return nil
}

// update passes on what can be read: one bad record mustn't keep a revocation from taking effect.
func (w Watch) update(ctx context.Context, set *Set, pairs consul.KVPairs) error {
	var records []Record
	for _, pair := range pairs {
		r, err := Parse(pair.Value)
		if err == nil && pair.Key != Folder+r.Prefix {
			err = errors.New("it lies under another key's prefix")
		}
		if err != nil {
			w.Log.Error("API key ignored", "at", pair.Key, "error", err.Error())
			continue
		}
		records = append(records, r)
	}
	return set.Update(ctx, records)
}

func (w Watch) client(token string) (*consul.Client, error) {
	client, err := consul.NewClient(&consul.Config{
		Address: w.Addr, Scheme: "https", Token: token, TLSConfig: consul.TLSConfig{CAFile: w.CAFile},
	})
	if err != nil {
		return nil, fmt.Errorf("make Consul client: %w", err)
	}
	return client, nil
}
