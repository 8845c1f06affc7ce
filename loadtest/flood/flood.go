// Package flood sends requests as many clients do, each from its own address and at its own times, to find out what
// a flood of some does to the others. Rates are arrival rates (open model): a slow platform gets no fewer requests.
package flood

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Client is one who sends: over one connection (HTTP/2), from a loopback address of its own.
type Client struct {
	Source string `json:"source"` // such as 127.0.1.1; "": any
	Token  string `json:"token"`
	Path   string `json:"path"` // what it asks for
}

// Load is what clients send together.
type Load struct {
	URL     string        `json:"url"` // https://host:port, on the loopback interface alone
	CAFile  string        `json:"ca_file"`
	Clients []Client      `json:"clients"`
	Rate    float64       `json:"rate"` // requests per second, of all clients together
	During  time.Duration `json:"during"`
}

// Outcome is what became of a load.
type Outcome struct {
	Sent     int            `json:"sent"`
	Dropped  int            `json:"dropped"` // not sent: too many were under way already
	Statuses map[string]int `json:"statuses"`
	// Micros are the latencies of all requests, from when each was due: a generator that is late doesn't hide it.
	Micros []float64 `json:"micros,omitempty"`
}

// mostUnderWay bounds what a load has outstanding; an open model without bounds would end the generator instead.
const mostUnderWay = 2000

// Run sends the load. It returns when the last request has ended.
func (l Load) Run(ctx context.Context) (Outcome, error) {
	senders, err := l.senders()
	if err != nil {
		return Outcome{}, err
	}
	r := run{outcome: Outcome{Statuses: map[string]int{}}, places: make(chan struct{}, mostUnderWay)}
	due, end := time.Now(), time.Now().Add(l.During)
	for i := 0; ; i++ {
		due = due.Add(time.Duration(rand.ExpFloat64() / l.Rate * float64(time.Second))) // in step with nothing
		if due.After(end) {
			break
		}
		select {
		case <-ctx.Done():
			r.all.Wait()
			return r.outcome, ctx.Err()
		case <-time.After(time.Until(due)):
		}
		r.send(ctx, senders[i%len(senders)], due)
	}
	r.all.Wait()
	return r.outcome, nil
}

type sender struct {
	client  *http.Client
	request *http.Request
}

func (l Load) senders() ([]sender, error) {
	u, err := url.Parse(l.URL)
	if err != nil || u.Scheme != "https" {
		return nil, fmt.Errorf("%q is not an https URL", l.URL)
	}
	if ip := net.ParseIP(u.Hostname()); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("%s is not a loopback address: load goes to no other", u.Hostname())
	}
	if len(l.Clients) == 0 || l.Rate <= 0 {
		return nil, errors.New("a load needs clients and a rate")
	}
	pem, err := os.ReadFile(l.CAFile)
	if err != nil {
		return nil, fmt.Errorf("read CA file: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("read CA file: no certificate in it")
	}
	all := make([]sender, len(l.Clients))
	for i, c := range l.Clients {
		dialer := &net.Dialer{Timeout: 10 * time.Second}
		if c.Source != "" {
			dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(c.Source)}
		}
		request, err := http.NewRequest(http.MethodGet, l.URL+c.Path, nil)
		if err != nil {
			return nil, fmt.Errorf("make request: %w", err)
		}
		request.Header.Set("Authorization", "Bearer "+c.Token)
		all[i] = sender{request: request, client: &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}, ForceAttemptHTTP2: true,
		}}}
	}
	return all, nil
}

type run struct {
	all     sync.WaitGroup
	places  chan struct{}
	mu      sync.Mutex
	outcome Outcome
}

func (r *run) send(ctx context.Context, s sender, due time.Time) {
	select {
	case r.places <- struct{}{}:
	default:
		r.mu.Lock()
		r.outcome.Dropped++
		r.mu.Unlock()
		return
	}
	r.all.Go(func() {
		status := s.exchange(ctx)
		took := float64(time.Since(due).Microseconds())
		<-r.places
		r.mu.Lock()
		defer r.mu.Unlock()
		r.outcome.Sent++
		r.outcome.Statuses[status]++
		r.outcome.Micros = append(r.outcome.Micros, took)
	})
}

// exchange returns the response's status, or "error".
func (s sender) exchange(ctx context.Context) string {
	resp, err := s.client.Do(s.request.Clone(ctx))
	if err != nil {
		return "error"
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return "error"
	}
	return strconv.Itoa(resp.StatusCode)
}

// Add puts another outcome's requests to these.
func (o *Outcome) Add(other Outcome) {
	if o.Statuses == nil {
		o.Statuses = map[string]int{}
	}
	o.Sent += other.Sent
	o.Dropped += other.Dropped
	o.Micros = append(o.Micros, other.Micros...)
	for status, n := range other.Statuses {
		o.Statuses[status] += n
	}
}

// Failed is how many requests weren't answered with a status of 2xx.
func (o Outcome) Failed() int {
	failed := o.Dropped
	for status, n := range o.Statuses {
		if status[0] != '2' {
			failed += n
		}
	}
	return failed
}

// Quantile is that of all latencies, in microseconds; 0 if there are none.
func (o Outcome) Quantile(q float64) float64 {
	if len(o.Micros) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(o.Micros))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}
