package plane

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"redoubt.example/services/platform/mesh/internal/unixsock"
)

// AdminSocket is where a data plane answers its operator, beside the app or within it.
func AdminSocket(runDir string) string { return filepath.Join(runDir, "sidecar.sock") }

// Leaf tells which certificate a data plane uses.
type Leaf struct {
	ID       string    `json:"id"`
	Serial   string    `json:"serial"`
	Issuer   string    `json:"issuer"` // key ID of the certificate that signed it
	NotAfter time.Time `json:"not_after"`
}

// ServeAdmin serves /livez, /readyz, /metrics and /v1/leaf (GET shows it, POST has another signed) on a socket that
// only the workload's user and root can open, until ctx ends. It isn't httpserver.Admin, which would bring the
// policy engine and the router into a sidecar, a process that has to stay small.
func (p *Plane) ServeAdmin(ctx context.Context, metrics http.Handler) error {
	ln, err := unixsock.Listen(AdminSocket(p.cfg.RunDir))
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { report(w, Health{OK: true}) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { report(w, p.health()) })
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("GET /v1/leaf", func(w http.ResponseWriter, _ *http.Request) { p.showLeaf(w, nil) })
	mux.HandleFunc("POST /v1/leaf", func(w http.ResponseWriter, r *http.Request) { p.showLeaf(w, p.RenewLeaf(r.Context())) })
	server := &http.Server{Handler: mux, ReadTimeout: 5 * time.Second, WriteTimeout: 20 * time.Second, MaxHeaderBytes: 8 << 10}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve admin socket: %w", err)
	}
	return nil
}

func (p *Plane) health() Health {
	h := Health{OK: true, ID: p.ID()}
	if err := p.Ready(); err != nil {
		h.OK, h.Reasons = false, []string{err.Error()}
	}
	if err := p.Degraded(); err != nil {
		h.Degraded = []string{err.Error()}
	}
	return h
}

func report(w http.ResponseWriter, h Health) {
	status := http.StatusOK
	if !h.OK {
		status = http.StatusServiceUnavailable
	}
	reply(w, status, h)
}

func (p *Plane) showLeaf(w http.ResponseWriter, err error) {
	current := p.consul.Current()
	if err == nil && current == nil {
		err = errors.New("no leaf certificate yet")
	}
	if err != nil {
		reply(w, http.StatusServiceUnavailable, Health{Reasons: []string{err.Error()}})
		return
	}
	reply(w, http.StatusOK, leafOf(current.ID.String(), current.Leaf.Leaf))
}

func leafOf(id string, c *x509.Certificate) Leaf {
	return Leaf{ID: id, Serial: c.SerialNumber.Text(16), Issuer: fmt.Sprintf("%x", c.AuthorityKeyId), NotAfter: c.NotAfter}
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client has gone: nobody to tell
}
