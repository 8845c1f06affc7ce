package attack

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/respond"
	"redoubt.example/services/platform/controls"
	"redoubt.example/threatmodel"
)

const (
	isolate  = "isolate-service"
	tryAgain = 20 * time.Millisecond
	// listens is how long a refusal may take that a peer sends after the handshake: in TLS 1.3 a client knows no sooner.
	listens = 50 * time.Millisecond
	// recordWithin is how long a record may take that says for what an attempt was refused.
	recordWithin = 300 * time.Millisecond
)

// chase is one response, and the attacker who goes on until he is refused for it.
type chase struct {
	p       *player
	rule    string
	runbook string
	action  respond.Action
	known   map[string]bool // responses that there were before

	watch   *watch // its own, from before the response
	over    atomic.Bool
	entry   respond.Entry // what became of the response; read it when the chase is over
	refused time.Time     // when the first attempt was refused, by its record
	cannot  string        // why the attacker can't go on with what he has

	mu    sync.Mutex
	peers []string // of the attempts: the attacker's end of each connection
}

// run goes on until an attempt is refused, nothing is to be refused, or ctx ends.
func (c *chase) run(ctx context.Context) {
	defer c.over.Store(true)
	attempt, err := c.attempts()
	if err != nil {
		c.cannot = err.Error()
	}
	answered := make(chan struct{})
	go func() { // approving takes as long as what is approved, and the attacker doesn't wait for it
		defer close(answered)
		for ctx.Err() == nil && !c.ask(ctx) {
			pause(ctx)
		}
	}()
	for turned := err != nil; ctx.Err() == nil && !turned; pause(ctx) {
		turned = attempt(ctx) && c.recorded(ctx)
		select {
		case <-answered:
			turned = turned || c.entry.State != respond.Done || c.refuses() == ""
		default:
		}
	}
	<-answered
}

func pause(ctx context.Context) {
	select {
	case <-time.After(tryAgain):
	case <-ctx.Done():
	}
}

// ask looks for the response, and approves it where a guard has left it to a person. True: it is known what became of it.
func (c *chase) ask(ctx context.Context) bool {
	now, err := c.p.lab.Client.Responses(ctx)
	if err != nil {
		return false
	}
	i := slices.IndexFunc(now.Responses, func(e respond.Entry) bool {
		return !c.known[e.ID] && e.Action == c.action.Kind && e.Target == c.action.Target
	})
	if i < 0 {
		return false
	}
	c.entry = now.Responses[i]
	if c.entry.State == respond.Proposed {
		done, err := c.p.lab.Client.ApproveResponse(ctx, c.entry.ID, by)
		if err != nil {
			c.entry.Reason = err.Error()
			return true
		}
		c.entry = done
	}
	return c.entry.State == respond.Done || c.entry.State == respond.Refused || c.entry.State == respond.Failed
}

// refuses is the control that refuses whom an action is done to; "" for one that refuses nobody.
func (c *chase) refuses() string {
	switch {
	case c.action.Kind == isolate:
		return controls.MeshIntention
	case threatmodel.Actions[c.action.Kind].Lasts:
		return controls.EdgeContainment
	}
	return ""
}

// none says why no attempt can be refused for the response; "" if one has to be.
func (c *chase) none() string {
	switch {
	case c.entry.State == "":
		return "nothing was done in time"
	case c.entry.State != respond.Done:
		return c.entry.State + ": " + c.entry.Reason
	case c.refuses() == "" && c.action.Kind == "revoke-leases":
		return "it ends copies of the service's logins; the service itself gets new ones"
	case c.refuses() != "" && c.cannot != "":
		return "it isn't known when: " + c.cannot
	case c.refuses() == "":
		return "it makes what the attacker knows worthless, and refuses nobody"
	}
	return ""
}

// recorded tells whether the control has left its record of a refusal: only that says for what an attempt was refused.
func (c *chase) recorded(ctx context.Context) (ok bool) {
	for until := time.Now().Add(recordWithin); ctx.Err() == nil && !ok && time.Now().Before(until); {
		if c.refused, ok = c.watch.refusedBy(c.refuses(), c.sent()); !ok {
			time.Sleep(tryAgain / 4)
		}
	}
	return ok
}

// better tells whether a response says more of an attack than another: who refused first, else who is said to refuse.
func (c *chase) better(than *chase) bool {
	switch {
	case c.refused.IsZero() != than.refused.IsZero():
		return than.refused.IsZero()
	case !c.refused.IsZero():
		return c.refused.Before(than.refused)
	}
	return c.refuses() != "" && than.none() != ""
}

// attempts returns what the attacker does again and again with what he has: true when he is refused where he wasn't before.
func (c *chase) attempts() (func(context.Context) bool, error) {
	switch threatmodel.Actions[c.action.Kind].Target {
	case "address":
		client, err := c.p.attacker(c.action.Target, c.note)
		return func(ctx context.Context) bool { return c.p.status(ctx, client, "") == http.StatusForbidden }, err
	case "token", "principal":
		client, err := c.p.attacker("", c.note)
		return func(ctx context.Context) bool { return c.anyRefused(ctx, client) }, err
	case "caller":
		return c.peer()
	}
	return nil, errors.New("nothing of the attacker's is refused for it")
}

// anyRefused tries all tokens that the attacker has: alerts name one by a pseudonym, which says nothing here.
func (c *chase) anyRefused(ctx context.Context, client *http.Client) bool {
	for _, token := range c.p.held.all() {
		switch c.p.status(ctx, client, token) {
		case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
			return true
		}
	}
	return false
}

// peer connects to a service that the attacker's may call, with a certificate that was got before.
func (c *chase) peer() (func(context.Context) bool, error) {
	top, err := topology.Load()
	if err != nil {
		return nil, err
	}
	upstreams := top.Upstreams(c.action.Target)
	if len(upstreams) == 0 || len(c.p.places.Mesh[upstreams[0]]) == 0 {
		return nil, errors.New("it may call nobody")
	}
	pair, ok := c.p.held.leaf(c.action.Target)
	if !ok {
		return nil, errors.New("the attacker has no certificate of it")
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13, InsecureSkipVerify: true} //nolint:gosec // an attacker doesn't care whom he reaches
	address := c.p.places.Mesh[upstreams[0]][0]
	return func(ctx context.Context) bool {
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", address)
		if err != nil {
			return false
		}
		defer conn.Close()
		c.note(conn)
		_ = conn.SetDeadline(time.Now().Add(time.Second))
		secured := tls.Client(conn, config)
		if err := secured.HandshakeContext(ctx); err != nil {
			return true
		}
		_ = conn.SetReadDeadline(time.Now().Add(listens))
		_, err = secured.Read(make([]byte, 1))
		return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
	}, nil
}

func (c *chase) note(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.peers = append(c.peers, conn.LocalAddr().String())
}

func (c *chase) sent() outcome {
	c.mu.Lock()
	defer c.mu.Unlock()
	return outcome{Peers: slices.Clone(c.peers)}
}

// attacker is a client that comes from an address, or any of ours, each time by another connection, of which note is told.
func (p *player) attacker(from string, note func(net.Conn)) (*http.Client, error) {
	pem, err := os.ReadFile(p.lab.Status.CAFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	dialer := &net.Dialer{}
	if from != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err == nil {
			note(conn)
		}
		return conn, err
	}
	return &http.Client{Timeout: time.Second, Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}}}, nil
}

// status is that of the answer to a request for the account; 0 where there is none.
func (p *player) status(ctx context.Context, client *http.Client, access string) int {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.lab.Status.GatewayURL+"/v1/account", nil)
	if err != nil {
		return 0
	}
	if access != "" {
		req.Header.Set("Authorization", "Bearer "+access)
	}
	res, err := client.Do(req)
	if err != nil {
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}
