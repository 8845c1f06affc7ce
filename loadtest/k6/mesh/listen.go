package mesh

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// Listen is a server of the attacker's own: the target of a forged webhook, or one that poses as a service.
type Listen struct {
	Address string `js:"address"` // 127.0.0.1:0 when not given, or unix:/path
	TLS     *TLS   `js:"tls"`     // its certificate
	Status  int    `js:"status"`  // of every answer; 200 when not given
	Body    Bytes  `js:"body"`
	Type    string `js:"type"` // of the body; application/json when not given
}

// Listener keeps what arrives. It ends with the process.
type Listener struct {
	Address string `js:"address"`

	guard *Guard
	ln    net.Listener
	mu    sync.Mutex
	got   []Arrival
	more  chan struct{}
}

// Arrival is a connection, with its first request where it was HTTP.
type Arrival struct {
	Peer    string            `js:"peer"`
	Method  string            `js:"method"`
	Path    string            `js:"path"`
	Headers map[string]string `js:"headers"`
	Body    string            `js:"body"`
	Error   string            `js:"error"` // why there is no request: a TLS peer that went away, say
}

func (i *instance) listen(l Listen) (*Listener, error) {
	if l.Address == "" {
		l.Address = "127.0.0.1:0"
	}
	network, target, err := i.guard.Target(l.Address)
	if err != nil {
		return nil, err
	}
	if err := i.guard.Count(); err != nil {
		return nil, err
	}
	if network == "unix" {
		_ = os.Remove(target) // an attacker takes a place that is taken
	}
	ln, err := net.Listen(network, target)
	if err != nil {
		return nil, err
	}
	if l.TLS != nil {
		pair, err := tls.X509KeyPair([]byte(l.TLS.Cert), []byte(l.TLS.Key))
		if err != nil {
			ln.Close()
			return nil, err
		}
		ln = tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequestClientCert}) //nolint:gosec // an attacker's
	}
	out := &Listener{Address: ln.Addr().String(), guard: i.guard, ln: ln, more: make(chan struct{}, 1)}
	go out.serve(l)
	return out, nil
}

func (l *Listener) serve(how Listen) {
	for {
		conn, err := l.ln.Accept()
		if err != nil || l.guard.Count() != nil {
			return
		}
		go l.take(conn, how)
	}
}

func (l *Listener) take(conn net.Conn, how Listen) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(maxTimeout))
	a := Arrival{Peer: conn.RemoteAddr().String(), Headers: map[string]string{}}
	req, err := http.ReadRequest(bufio.NewReader(io.LimitReader(conn, maxBytes)))
	if err != nil {
		a.Error = err.Error()
	} else {
		body, _ := io.ReadAll(req.Body)
		a.Method, a.Path, a.Body = req.Method, req.RequestURI, string(body)
		flatten(req.Header, a.Headers)
		status := how.Status
		if status == 0 {
			status = http.StatusOK
		}
		kind := how.Type
		if kind == "" {
			kind = "application/json"
		}
		res := &http.Response{StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Request: req, Close: true,
			Header: http.Header{"Content-Type": {kind}}, ContentLength: int64(len(how.Body)), Body: io.NopCloser(strings.NewReader(string(how.Body)))}
		_ = res.Write(conn)
	}
	l.mu.Lock()
	l.got = append(l.got, a)
	l.mu.Unlock()
	select {
	case l.more <- struct{}{}:
	default:
	}
}

// Await returns what has arrived, as soon as there is anything, or an empty list after so many milliseconds.
func (l *Listener) Await(milliseconds int) []Arrival {
	timeout := time.NewTimer(min(time.Duration(milliseconds)*time.Millisecond, maxTimeout))
	defer timeout.Stop()
	for {
		l.mu.Lock()
		got := append([]Arrival{}, l.got...)
		l.mu.Unlock()
		if len(got) > 0 {
			return got
		}
		select {
		case <-l.more:
		case <-timeout.C:
			return got
		}
	}
}

// Close ends it.
func (l *Listener) Close() { l.ln.Close() }
