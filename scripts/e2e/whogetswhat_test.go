package e2e_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/topology"
)

// testNoConnection: the sidecar closes, and says so on record, whatever is asked and with whichever token.
func testNoConnection(t *testing.T, l *lab, i *intruder, service string) {
	route := "GET /"
	if service == "inference" {
		route = "/redoubt.inference.v1.InferenceService/Infer"
	}
	require.Equal(t, "mesh", i.outcome(t, service, route, ""))
	require.Eventually(t, func() bool {
		return l.logged(t, service+".sidecar", `"control":"mesh.intention"`, `svc/`+i.service) > 0
	}, 5*time.Second, 50*time.Millisecond, "a decision record")
}

// whoGetsWhat reads the rendered table: what it says of a service's route and a caller.
func whoGetsWhat(t *testing.T) map[[3]string]string {
	raw, err := os.ReadFile(filepath.Join(rendered, "who-gets-what.md"))
	require.NoError(t, err)
	table := map[[3]string]string{}
	var callers []string
	for line := range strings.Lines(string(raw)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.Trim(cells[i], " `*")
		}
		switch {
		case len(cells) < 3 || strings.HasPrefix(cells[0], "-"):
		case cells[0] == "service":
			callers = cells[2:]
		default:
			for i, caller := range callers {
				table[[3]string{cells[0], cells[1], caller}] = cells[2+i]
			}
		}
	}
	return table
}

// testRoute: nothing without a token where one is needed; with alice's real one for a document, exactly what
// topology.yaml and the table say.
func testRoute(t *testing.T, top *topology.Topology, i *intruder, service string, r topology.Route, said, token string) {
	listed := slices.Contains(r.Callers, i.service)
	require.Equal(t, listed, said == "yes" || said == "token", "%s: the table says %q", r.Route, said)
	if !listed {
		require.Equal(t, "policy", said, r.Route)
	}
	require.Equal(t, listed && r.NeedsPrincipal(), said == "token", "%s: the table says %q", r.Route, said)
	if !r.NeedsPrincipal() {
		want := map[bool]string{true: "in", false: "denied"}[listed]
		if got := i.outcome(t, service, r.Route, ""); r.Route != "POST /v1/webhooks/{source}" || got != "unauthenticated" { // its own HMAC
			require.Equal(t, want, got, "%s without a token", r.Route)
		}
		return
	}
	require.Equal(t, "unauthenticated", i.outcome(t, service, r.Route, ""), "%s without a token", r.Route)
	want := "denied"
	onPath := i.service == topology.Gateway || slices.Contains(top.Entries(service, r.Route, i.service), documentsEntry)
	if listed && onPath && slices.Contains(r.Scopes, "documents:write") {
		want = "in"
	}
	require.Equal(t, want, i.outcome(t, service, r.Route, token), "%s with a document's token", r.Route)
}
