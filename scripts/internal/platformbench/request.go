package platformbench

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// Request is one kind that the prober sends.
type Request struct {
	Name   string
	Method string
	Path   string
	Body   string
	Status int // of a good answer
	Scopes []string
}

const sentence = "The board agreed on Monday to publish the report. Then the members discussed which of the two proposals would be better. "

// storeDocument crosses every service: it is what the platform is measured with.
var storeDocument = Request{Name: "POST /v1/documents", Method: http.MethodPost, Path: "/v1/documents", Status: http.StatusCreated,
	Body: `{"title":"Minutes","text":"` + strings.TrimSpace(sentence) + `"}`, Scopes: []string{"documents:write"}}

// readDocument only reads, one service behind the gateway: security's share is largest where there is least work.
var readDocument = Request{Name: "GET /v1/documents/{id}", Method: http.MethodGet, Status: http.StatusOK, Scopes: []string{"documents:read"}}

// exchangeTimeout bounds one request: a platform that hangs ends the run instead of lengthening it.
const exchangeTimeout = 20 * time.Second

// wire is one connection to a gateway on which one goroutine sends one request after the other: HTTP/1.1, since net/http's client would
// add two hand-offs between goroutines, with a spread larger than what is measured.
type wire struct {
	conn    net.Conn
	reader  *bufio.Reader
	request Request
	head    string
}

var numbers atomic.Int64

// connect opens a connection. Tokens with the scope bench get the ledger back.
func (l *Lab) connect(ctx context.Context, r Request, more ...string) (*wire, error) {
	token, err := l.Token(ctx, honest, append(r.Scopes, more...)...)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(l.Status.GatewayURL)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: l.roots, ServerName: u.Hostname(), NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS13}}
	conn, err := dialer.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", l.Name, err)
	}
	head := r.Method + " " + r.Path + " HTTP/1.1\r\nHost: " + u.Host + "\r\nUser-Agent: redoubt-bench/1\r\nAccept: application/json\r\nTE: trailers\r\nAuthorization: Bearer " + token + "\r\n"
	if r.Body != "" {
		head += fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", len(r.Body))
	}
	return &wire{conn: conn, reader: bufio.NewReader(conn), request: r, head: head}, nil
}

// warming is how many requests a new platform answers before it is measured: pools grow, heaps settle, statements are planned.
const warming = 40

func (l *Lab) warm(ctx context.Context) error {
	w, err := l.connect(ctx, storeDocument)
	if err != nil {
		return err
	}
	defer w.close()
	for range warming {
		if err := w.good(); err != nil {
			return fmt.Errorf("warm up %s: %w", l.Name, err)
		}
	}
	return ctx.Err()
}

// settleTimeout bounds how long a platform may take until it serves again after processes of it were restarted.
const settleTimeout = time.Minute

// settle returns when the platform has answered well often enough in a row: callers find restarted processes again, and breakers close.
func (l *Lab) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	p := &prober{lab: l, request: storeDocument}
	defer p.close()
	var last error
	for good := 0; good < warming/2; {
		if p.wire == nil {
			last = p.Renew(ctx)
		}
		if p.wire != nil {
			_, last = p.Request(ctx)
		}
		switch {
		case last == nil:
			good++
			continue
		case ctx.Err() != nil:
			return fmt.Errorf("it doesn't serve: %w", last)
		}
		good = 0
		p.close()
		time.Sleep(breath)
	}
	return nil
}

// answer is what a request brought.
type answer struct {
	took   time.Duration
	header http.Header // with the trailers
	body   []byte
}

// exchange sends one request and returns when its answer is read.
func (w *wire) exchange() (a answer, err error) {
	if err := w.conn.SetDeadline(time.Now().Add(exchangeTimeout)); err != nil {
		return a, err
	}
	text := w.head
	if w.request.Method != http.MethodGet {
		text += fmt.Sprintf("Idempotency-Key: bench-%012d\r\n", numbers.Add(1))
	}
	message := []byte(text + "\r\n" + w.request.Body)
	began := time.Now()
	if _, err := w.conn.Write(message); err != nil {
		return a, err
	}
	response, err := http.ReadResponse(w.reader, nil)
	if err != nil {
		return a, err
	}
	a.body, err = io.ReadAll(response.Body)
	a.took = time.Since(began)
	if err != nil {
		return a, err
	}
	if response.StatusCode != w.request.Status {
		return a, &refused{response.StatusCode, a.body}
	}
	a.header = response.Header
	for name, values := range response.Trailer {
		a.header[name] = append(a.header[name], values...)
	}
	return a, nil
}

func (w *wire) close() { _ = w.conn.Close() }

// refused is an answer with another status than a good one.
type refused struct {
	status int
	body   []byte
}

func (r *refused) Error() string {
	var problem struct{ Title, Detail string }
	_ = json.Unmarshal(r.body, &problem)
	return fmt.Sprintf("answered %d %s: %s", r.status, problem.Title, problem.Detail)
}
