package gatewaybench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"redoubt.example/loadtest/bench"
)

const (
	senders = 16 // connections that each send the next request when the last is answered
	turns   = 5
)

// saturation finds how many requests per second go through each way at most. The ways take turns in random order.
func (r *rig) saturation(ctx context.Context, during time.Duration, into *Result) error {
	kinds := r.kinds()
	each := during / time.Duration(turns*len(kinds)*len(ways))
	found := map[string][]float64{}
	for range turns {
		for _, i := range rand.Perm(len(kinds) * len(ways)) {
			k, way := kinds[i/len(ways)], i%len(ways)
			rate, err := saturate(ctx, r.target(ways[way].name, r.addresses[way], k), each)
			if err != nil {
				return fmt.Errorf("%s through %s: %w", k.name, ways[way].name, err)
			}
			found[k.name+ways[way].name] = append(found[k.name+ways[way].name], rate)
		}
	}
	for i, row := range into.Rows {
		rates := slices.Sorted(slices.Values(found[row.Request+row.Name]))
		into.Rows[i].PerSecond = round(rates[len(rates)/2])
	}
	return nil
}

func saturate(ctx context.Context, t bench.Target, during time.Duration) (perSecond float64, err error) {
	var group sync.WaitGroup
	counts, errs := make([]int, senders), make([]error, senders)
	began := time.Now()
	for i := range senders {
		group.Go(func() { counts[i], errs[i] = send(ctx, t, began.Add(during)) })
	}
	group.Wait()
	total := 0
	for _, n := range counts {
		total += n
	}
	return float64(total) / time.Since(began).Seconds(), errors.Join(errs...)
}

// send asks again and again on one connection.
func send(ctx context.Context, t bench.Target, until time.Time) (n int, err error) {
	conn, err := t.Dial(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(until.Add(startTimeout)); err != nil {
		return 0, err
	}
	in := bufio.NewReader(conn)
	for time.Now().Before(until) && ctx.Err() == nil {
		if _, err := conn.Write(nil); err != nil {
			return n, err
		}
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			return n, err
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
			return n, errors.Join(fmt.Errorf("answered %s", response.Status), err)
		}
		n++
	}
	return n, ctx.Err()
}

// asked is how often each kind is asked for the ledger's figures.
const asked = 3000

// controls reads what each control took from the ledgers of a gateway of its own: writing them down costs it something.
func (r *rig) controls(ctx context.Context) ([]Control, error) {
	file := r.path("ledger")
	address, err := r.way(ctx, "waf", file)
	if err != nil {
		return nil, err
	}
	names := map[string]string{} // of the kind, by its method
	for _, k := range r.kinds() {
		if !k.ledger {
			continue
		}
		method, _, _ := strings.Cut(k.head, " ")
		names[method] = k.name
		conn, err := r.target("ledger", address, k).Dial(ctx)
		if err != nil {
			return nil, err
		}
		in := bufio.NewReader(conn)
		for range asked {
			if _, err := conn.Write(nil); err != nil {
				return nil, err
			}
			response, err := http.ReadResponse(in, nil)
			if err != nil {
				return nil, err
			}
			_, _ = io.Copy(io.Discard, response.Body)
		}
		_ = conn.Close()
	}
	last := r.processes[len(r.processes)-1]
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTimeout)
	defer cancel()
	if err := last.Stop(stop); err != nil {
		return nil, r.explain(err)
	}
	r.processes = r.processes[:len(r.processes)-1]
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, r.explain(err)
	}
	var took map[string][]time.Duration
	if err := json.Unmarshal(text, &took); err != nil {
		return nil, err
	}
	return ranked(took, names), nil
}

// ranked puts the dearest first, read before write.
func ranked(took map[string][]time.Duration, names map[string]string) (all []Control) {
	for key, times := range took {
		method, id, _ := strings.Cut(key, " ")
		all = append(all, Control{Request: names[method], ID: id, Requests: len(times), P50: round(bench.QuantileOf(0.5, times)), P99: round(bench.QuantileOf(0.99, times))})
	}
	slices.SortFunc(all, func(a, b Control) int {
		switch {
		case a.Request != b.Request:
			return strings.Compare(a.Request, b.Request)
		case a.P50 != b.P50:
			if a.P50 > b.P50 {
				return -1
			}
			return 1
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all
}
