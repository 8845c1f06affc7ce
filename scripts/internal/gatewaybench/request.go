package gatewaybench

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"sync/atomic"

	"redoubt.example/loadtest/bench"
)

// kind is a request as clients of the API send it.
type kind struct {
	name string
	head string // up to the credential
	body string
	// ledger: the time of each control is written down for this one.
	ledger bool
}

// another stands for a number that no other request of the run has.
const another = "000000000000"

const sentence = "The board agreed on Monday to publish the report. Then the members discussed which of the two proposals would be better. "

// kinds are a read like many others, one like none before, and writes of an ordinary and of a long text.
func (r *rig) kinds() []kind {
	draft := func(n int) string { return `{"title":"Minutes","text":"` + strings.Repeat(sentence, n) + `"}` }
	return []kind{
		{"GET the list", "GET /v1/documents?limit=20 HTTP/1.1\r\n", "", false},
		{"GET one", "GET /v1/documents/01939f6e-72a6-7d7c-a2a4-" + another + " HTTP/1.1\r\n", "", true},
		{"POST 300 B", "POST /v1/documents HTTP/1.1\r\n", draft(2), true},
		{"POST 1 KB", "POST /v1/documents HTTP/1.1\r\n", draft(8), false},
	}
}

func (k kind) bytes(token string) []byte {
	text := k.head + "Host: 127.0.0.1\r\nUser-Agent: redoubt-bench/1\r\nAccept: application/json\r\nAuthorization: Bearer " + token + "\r\n"
	if k.body != "" {
		text += fmt.Sprintf("Content-Type: application/json\r\nIdempotency-Key: 01939f6e-72a6-7d7c\r\nContent-Length: %d\r\n", len(k.body))
	}
	return []byte(text + "\r\n" + k.body)
}

// target is one way, for one kind of request.
func (r *rig) target(name, address string, k kind) bench.Target {
	return bench.Target{Name: name, Dial: func(ctx context.Context) (net.Conn, error) {
		token, err := r.issuer.token()
		if err != nil {
			return nil, err
		}
		dialer := tls.Dialer{Config: &tls.Config{RootCAs: r.issuer.pool, ServerName: "127.0.0.1", NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS13}}
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, err
		}
		request := k.bytes(token)
		return &asking{conn, request, bytes.Index(request, []byte(another))}, nil
	}}
}

// asking sends its own request in place of each that the prober writes, which does so in one piece.
type asking struct {
	net.Conn
	request []byte
	number  int // where the request's number stands; -1: it has none
}

var numbers atomic.Int64

func (a *asking) Write(b []byte) (int, error) {
	if a.number >= 0 {
		copy(a.request[a.number:], fmt.Sprintf("%012d", numbers.Add(1)))
	}
	if _, err := a.Conn.Write(a.request); err != nil {
		return 0, err
	}
	return len(b), nil
}
