package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"redoubt.example/infra/controlplane"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/unixhttp"
)

// ask calls an admin socket. An answer other than 200 is an error with its reasons.
func ask(ctx context.Context, socket, method, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://admin"+path, nil)
	if err != nil {
		return err
	}
	res, err := unixhttp.Client(socket).Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d: %s", res.StatusCode, strings.Join(strings.Fields(string(body)), " "))
	}
	return json.Unmarshal(body, into)
}

// notRunning tells that nobody listens at a socket.
func notRunning(err error) bool {
	return errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED)
}

// planeOf is the component that is an instance's way into the mesh.
func (s *Stack) planeOf(w instance) string {
	if hasSidecars(s.cfg.Mode) {
		return w.name + sidecarSuffix
	}
	return w.name
}

// Serving tells whether the platform can serve while only some components are well: of each service one instance
// has to be. Consul and Vault don't have to: what they have given lasts for a while. Nor does sentinel: no request waits for it.
func (s *Stack) Serving(well func(component string) bool) bool {
	if !well(controlplane.Postgres) {
		return false
	}
	for _, service := range s.topology.Names() {
		if service != sentinel && !slices.ContainsFunc(s.instances, func(w instance) bool {
			return w.service == service && well(w.name) && well(s.planeOf(w))
		}) {
			return false
		}
	}
	return true
}

// degradedTimeout bounds how long a status waits for each component's own word.
const degradedTimeout = time.Second

// Degraded is what the apps and sidecars that work say they do without.
func (s *Stack) Degraded(ctx context.Context) (found []control.Degradation) {
	ctx, cancel := context.WithTimeout(ctx, degradedTimeout)
	defer cancel()
	all := make([][]control.Degradation, 2*len(s.instances))
	var wg sync.WaitGroup
	for i, w := range s.instances {
		for j, place := range []struct{ component, socket string }{{w.name, "admin.sock"}, {s.planeOf(w), "sidecar.sock"}} {
			wg.Go(func() {
				var health struct{ Degraded []string }
				if ask(ctx, s.folder(w.name, place.socket), http.MethodGet, "/readyz", &health) != nil {
					return // its state says that
				}
				for _, reason := range health.Degraded {
					all[2*i+j] = append(all[2*i+j], control.Degradation{Component: place.component, Reason: reason})
				}
			})
		}
	}
	wg.Wait()
	return slices.Concat(all...)
}
