package workload

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/httpserver"
)

// RotateLogins is what every workload can rotate: the logins and certificates that it has from Vault.
const RotateLogins = "db"

// Rotate replaces something ahead of its time, without a request noticing, and says what it did where that isn't
// obvious ("12 records").
type Rotate func(ctx context.Context) (done string, err error)

// OnRotate has the operator's order to rotate something call f. Call it before Serve.
func (w *Workload) OnRotate(what string, f Rotate) {
	if w.rotate == nil {
		w.rotate = map[string]Rotate{}
	}
	w.rotate[what] = f
}

// Admin offers a route on the admin socket, as net/http.ServeMux spells it, to whoever may open that: the operator. Call it
// before Serve.
func (w *Workload) Admin(pattern string, h http.HandlerFunc) {
	w.admin = append(w.admin, httpserver.WithHandler(pattern, h))
}

// Rotated is the answer to POST /v1/rotations/{what} on the admin socket.
type Rotated struct {
	What string `json:"what"`
	Done string `json:"done,omitempty"`
}

// orderTimeout is below the admin server's own, so that the answer still gets out.
const orderTimeout = 8 * time.Second

// adminOptions: what is held from Vault can be listed, and replaced, by whoever may open the admin socket.
func (w *Workload) adminOptions() []httpserver.AdminOption {
	options := []httpserver.AdminOption{
		httpserver.WithDegraded(w.degraded),
		httpserver.WithHandler("GET /v1/held", http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(rw).Encode(w.Vault.Held())
		})),
		httpserver.WithHandler("POST /v1/rotations/{what}", http.HandlerFunc(w.serveRotation)),
	}
	if w.Config.UnsafeLab {
		options = append(options, httpserver.WithHandler("PUT /v1/delays", http.HandlerFunc(w.serveDelays)))
	}
	return append(options, w.admin...)
}

func (w *Workload) serveRotation(rw http.ResponseWriter, r *http.Request) {
	what := r.PathValue("what")
	rotate, ok := w.rotate[what]
	if !ok {
		fault.WriteProblem(rw, r, fault.New(fault.NotFound, "%s has no %s to rotate", w.Config.Name, what))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), orderTimeout)
	defer cancel()
	done, err := rotate(ctx)
	if err != nil {
		w.Log.Error("not rotated", "what", what, "error", err.Error())
		fault.WriteProblem(rw, r, err)
		return
	}
	w.Log.Info("rotated", "what", what, "done", done)
	rw.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(rw).Encode(Rotated{What: what, Done: done})
}

func (w *Workload) degraded() []string {
	until, away := w.Vault.Degraded()
	if !away {
		return nil
	}
	return []string{fmt.Sprintf("Vault is away: what is leased lasts until %s", until.UTC().Format(time.RFC3339))}
}
