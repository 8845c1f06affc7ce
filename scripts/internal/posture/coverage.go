package posture

import (
	"fmt"
	"slices"
	"time"

	"redoubt.example/scripts/internal/control"
)

// Coverage says which edges were seen, and who proved with a certificate who calls.
type Coverage struct {
	Edges    int       `json:"edges"`
	Proved   int       `json:"proved"`
	Requests int64     `json:"requests"`
	Since    time.Time `json:"since,omitzero"`
	Percent  float64   `json:"percent"` // of the requests between services, by the caller's certificate
}

// withoutProof are the controls without which a caller's name is no certificate's.
var withoutProof = []string{"mesh.mtls", "mesh.spiffe"}

func coverage(f Facts) (c Coverage, found []Finding) {
	plaintext := f.Status.Mode == "plaintext" || slices.ContainsFunc(withoutProof, func(id string) bool { return slices.Contains(f.Status.ControlsOff, id) })
	var proved int64
	for _, flow := range f.Flows {
		if flow.Caller == outside {
			found = append(found, fromOutside(flow)...)
			continue
		}
		c.Edges++
		c.Requests += flow.Count
		if c.Since.IsZero() || flow.First.Before(c.Since) {
			c.Since = flow.First
		}
		edge := flow.Caller + " -> " + flow.Callee + " " + flow.Route
		if flow.Proved && !plaintext {
			c.Proved++
			proved += flow.Count
		} else {
			found = append(found, Finding{Critical, "plaintext", edge, fmt.Sprintf("%s: %d requests of a caller that no certificate proves", edge, flow.Count),
				"run in mode sidecar or native, with mesh.mtls and mesh.spiffe on"})
		}
		r, ok := f.Topology.Route(flow.Callee, flow.Route)
		if listed := ok && slices.Contains(r.Callers, flow.Caller); !listed && flow.Served() > 0 {
			found = append(found, Finding{Critical, "shadow edge", edge, fmt.Sprintf("%s was served %d times, and topology.yaml doesn't list it", edge, flow.Served()),
				"find out who published the policy that allows it: lab policy, lab logs"})
		}
	}
	if c.Requests > 0 {
		c.Percent = 100 * float64(proved) / float64(c.Requests)
	}
	return c, found
}

const outside = "outside"

// Life is how long something that opens or proves something lasts.
type Life struct {
	control.Secret
	Age       float64 `json:"age_seconds"`
	Remaining float64 `json:"remaining_seconds"` // 0: until it is revoked
}

// renewedBy is the share of its life after which whatever is renewed by itself has been renewed.
const renewedBy = 0.9

// servers are given certificates for as long as the lab lasts; nothing renews them.
var servers = []string{"vault", "consul", "postgres"}

func secrets(f Facts, limits Limits) (all []Life, found []Finding) {
	all = []Life{}
	for _, s := range f.Secrets {
		l := Life{Secret: s}
		who := s.Holder
		if s.Instance != "" {
			who = s.Instance
		}
		where := s.Kind + " of " + who
		if s.Began != nil {
			l.Age = f.Now.Sub(*s.Began).Seconds()
		}
		switch {
		case s.Expires == nil:
			found = append(found, Finding{High, "static secret", where, where + " lasts until somebody revokes it", "replace it by one that ends: lab help revoke"})
		case s.Expires.Before(f.Now):
			found = append(found, Finding{Medium, "expired", where, fmt.Sprintf("%s has ended %s ago and is still listed", where, f.Now.Sub(*s.Expires).Round(time.Second)), "lab status"})
		default:
			l.Remaining = s.Expires.Sub(f.Now).Seconds()
			if s.Began == nil {
				break
			}
			life := s.Expires.Sub(*s.Began)
			if life > limits.Static {
				weight := Medium
				if slices.Contains(servers, s.Holder) {
					weight = Low
				}
				found = append(found, Finding{weight, "static secret", where, fmt.Sprintf("%s lasts %s: longer than %s", where, life.Round(time.Hour), limits.Static), "have it renewed more often, or say --static"})
			}
			if s.Kind == "mesh certificate" && l.Age > renewedBy*life.Seconds() {
				found = append(found, Finding{Medium, "not renewed", where, fmt.Sprintf("%s has %s left of %s and wasn't renewed", where, time.Duration(l.Remaining*1e9).Round(time.Second), life), "lab rotate leaf"})
			}
		}
		all = append(all, l)
	}
	return all, found
}
