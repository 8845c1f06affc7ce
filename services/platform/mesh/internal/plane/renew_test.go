package plane_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane/controlplanetest"
	"redoubt.example/services/platform/mesh/internal/plane"
)

// A new leaf on demand: in force when the answer comes, and no connection notices. In mode native the app's own
// data plane answers in the same place.
func TestLeafIsRenewedOnDemand(t *testing.T) {
	env := controlplanetest.Start(t)
	payments, ingestion := start(t, env, "payments"), startNative(t, env, "ingestion", "payments")
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- payments.ServeAdmin(ctx, http.NotFoundHandler()) }()
	defer func() { cancel(); require.NoError(t, <-served) }()
	client := ingestion.client(t)
	for _, w := range []*workload{payments, ingestion} {
		t.Run(w.name, func(t *testing.T) {
			_, err := get(client, "payments")
			require.NoError(t, err)
			var before, after plane.Leaf
			askAdmin(t, w, http.MethodGet, &before)
			require.Contains(t, before.ID, "/svc/"+w.name)
			askAdmin(t, w, http.MethodPost, &after)
			require.NotEqual(t, before.Serial, after.Serial)
			require.Equal(t, before.Issuer, after.Issuer)
			askAdmin(t, w, http.MethodGet, &before)
			require.Equal(t, after, before, "in force")
			got, err := get(client, "payments")
			require.NoError(t, err)
			require.Equal(t, "ingestion", got)
			client.CloseIdleConnections()
			_, err = get(client, "payments")
			require.NoError(t, err)
		})
	}
}

func askAdmin(t *testing.T, w *workload, method string, into any) {
	t.Helper()
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("unix", plane.AdminSocket(w.dir))
	}}}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://admin/v1/leaf", bytes.NewReader(nil))
	require.NoError(t, err)
	resp, err := c.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.NoError(t, json.NewDecoder(resp.Body).Decode(into))
}
