package posture

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"redoubt.example/services/platform/alert"
)

// Probe is a request for something that no route has, and its answer.
type Probe struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Status int    `json:"status"`
}

// hidden are paths at which APIs keep what they don't publish: debugging, metrics, consoles, old versions, internal routes.
var hidden = []string{
	"/metrics", "/debug/pprof/", "/debug/vars", "/admin", "/admin/", "/console", "/actuator", "/actuator/env", "/env", "/status", "/internal", "/internal/",
	"/swagger", "/swagger-ui/", "/api-docs", "/graphql", "/graphiql", "/.env", "/.git/config", "/server-status", "/v0/documents", "/v2/documents", "/api/v1/documents",
	"/v1/authorizations", "/v1/settlements", "/v1/notifications", "/v1/models/langid", "/v1/blobs/x", "/v1/transaction-keys", "/v1/logs", "/v1/policy", "/v1/leaf", "/v1/held",
	"/v1/agent/self", "/v1/sys/health", "/redoubt.inference.v1.InferenceService/Classify",
}

// Ask requests each hidden path at the gateway, as somebody with an access token of everything that he may have.
func Ask(ctx context.Context, client *http.Client, gateway, token string) (all []Probe, err error) {
	for _, path := range hidden {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			req, err := http.NewRequestWithContext(ctx, method, gateway+path, nil)
			if err != nil {
				return nil, err
			}
			req.Header.Set("Authorization", "Bearer "+token)
			res, err := client.Do(req)
			if err != nil {
				return nil, fmt.Errorf("ask the gateway for %s: %w", path, err)
			}
			_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
			_ = res.Body.Close()
			all = append(all, Probe{method, path, res.StatusCode})
		}
	}
	return all, nil
}

// refusals are answers that say that nothing is there, or nothing for anybody.
var refusals = map[int]bool{http.StatusNotFound: true, http.StatusMethodNotAllowed: true, http.StatusGone: true, http.StatusTooManyRequests: true, http.StatusBadRequest: true}

func answered(f Facts) (found []Finding) {
	for _, p := range f.Probes {
		if !refusals[p.Status] {
			found = append(found, Finding{Critical, "shadow route", p.Method + " " + p.Path, fmt.Sprintf("the gateway answers %s %s with status %d, and neither topology.yaml nor openapi.yaml has it", p.Method, p.Path, p.Status),
				"take the route out, or publish it in infra/topology/topology.yaml and gateway/openapi.yaml"})
		}
	}
	return found
}

// fromOutside: routes at the gateway that were served to clients.
func fromOutside(flow alert.Flow) []Finding {
	if flow.Route != "unmatched" || flow.Served() == 0 {
		return nil
	}
	return []Finding{{Critical, "shadow route", flow.Callee, fmt.Sprintf("%s served %d requests for what no route has", flow.Callee, flow.Served()),
		"lab logs " + strings.TrimSpace(flow.Callee)}}
}
