package page

import "strings"

// kind is a sort of work that a hop's time goes to: a segment of its bar. Security has colours, the rest is grey.
type kind struct {
	Name string
	ink  ink
	of   []string // controls and parts of the ledger that begin like this
}

var kinds = []kind{
	{"TLS and transit", ink{"k-transit"}, []string{"transit", "tls", "edge.tls", "mesh.mtls"}},
	{"token", ink{"k-token"}, []string{"edge.jwt", "edge.dpop", "edge.apikey", "edge.scope", "app.txn-token"}},
	{"policy", ink{"k-policy"}, []string{"app.policy", "mesh.intention", "mesh.spiffe", "mesh.peer-cred", "edge.routes"}},
	{"schema", ink{"k-schema"}, []string{"edge.schema", "edge.shape", "edge.headers", "edge.body-limit", "edge.decompression", "edge.cors", "edge.lifecycle"}},
	{"limits", ink{"k-limits"}, []string{"edge.limit", "edge.load-shed", "edge.address", "edge.slow-client"}},
	{"WAF", ink{"k-waf"}, []string{"edge.waf"}},
	{"breaker", ink{"k-breaker"}, []string{"breaker"}},
	{"secrets and signatures", ink{"k-secret"}, []string{"secret", "infra.", "app.model", "app.webhook", "app.idempotency"}},
	{"database", ink{"k-database"}, []string{"database"}},
	{"application", ink{"k-application"}, []string{"application", "self"}},
	{"other", ink{"k-other"}, nil},
}

func kindOf(control string) int {
	for i, k := range kinds {
		for _, prefix := range k.of {
			if strings.HasPrefix(control, prefix) {
				return i
			}
		}
	}
	return len(kinds) - 1
}
