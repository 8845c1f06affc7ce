package flood_test

import (
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/flood"
)

func TestLoad(t *testing.T) {
	var mu sync.Mutex
	from := map[string]int{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		mu.Lock()
		from[host+" "+r.Header.Get("Authorization")+" "+r.Proto]++
		mu.Unlock()
		if r.URL.Path == "/refused" {
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	load := flood.Load{URL: server.URL, CAFile: ca, Rate: 200, During: time.Second, Clients: []flood.Client{
		{Source: "127.0.1.1", Token: "a", Path: "/"}, {Source: "127.0.1.2", Token: "b", Path: "/refused"}}}
	got, err := load.Run(t.Context())
	require.NoError(t, err)
	require.InDelta(t, 200, got.Sent, 100)
	require.Len(t, got.Micros, got.Sent)
	require.Equal(t, got.Sent, got.Statuses["200"]+got.Statuses["429"])
	require.Equal(t, got.Statuses["429"], got.Failed())
	require.Equal(t, map[string]int{"127.0.1.1 Bearer a HTTP/2.0": got.Statuses["200"], "127.0.1.2 Bearer b HTTP/2.0": got.Statuses["429"]}, from)
	require.LessOrEqual(t, got.Quantile(0.5), got.Quantile(0.99))
	var sum flood.Outcome
	sum.Add(got)
	sum.Add(got)
	require.Equal(t, 2*got.Failed(), sum.Failed())
	require.Len(t, sum.Micros, 2*got.Sent)

	for _, target := range []string{"https://192.0.2.1:8443", "https://example.com", "http://127.0.0.1:1", "nonsense"} {
		load.URL = target
		_, err := load.Run(t.Context())
		require.Error(t, err, target)
	}
}
