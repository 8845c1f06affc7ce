package xds_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane/controlplanetest"
	"redoubt.example/services/platform/mesh/internal/connect"
	"redoubt.example/services/platform/mesh/internal/meshtest"
)

// as asks Consul as a service's Envoy does, with the bootstrap that Consul makes for it.
func as(t *testing.T, env *controlplanetest.Env, service string) *envoy {
	t.Helper()
	token := login(t, env, service)
	b := bootstrapOf(t, env, service+"-sidecar-proxy", token)
	ca, err := os.ReadFile(env.CAFile)
	require.NoError(t, err)
	require.Equal(t, bootstrap{node: service + "-sidecar-proxy", cluster: service, address: env.ConsulGRPC, ca: string(ca), token: token}, b)
	return ask(t, b)
}

// register has the sidecar's own registration made, and tells where the app's socket is by it.
func register(t *testing.T, env *controlplanetest.Env, service string) (socket string) {
	t.Helper()
	c, err := connect.New(connect.Config{Service: service, Instance: service, Datacenter: "dc1", JWTFile: env.JWTFile(service, "consul"),
		CAFile: env.CAFile, HTTPAddr: env.ConsulHTTP, GRPCAddr: env.ConsulGRPC, Log: meshtest.NewLog().Logger})
	require.NoError(t, err)
	socket = filepath.Join(t.TempDir(), "app.sock")
	r := c.NewRegistration(socket, func(context.Context) error { return nil })
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { c.Run(ctx) })
	running.Go(func() { r.Run(ctx, "127.0.0.1:20000") })
	t.Cleanup(func() {
		cancel()
		running.Wait()
		require.NoError(t, r.Deregister(context.Background()))
		require.NoError(t, c.Close(context.Background()))
	})
	require.Eventually(t, r.Registered, 10*time.Second, 5*time.Millisecond)
	return socket
}

// registerHTTP registers a service for a proxy that knows HTTP.
func registerHTTP(t *testing.T, env *controlplanetest.Env, service, protocol, dir string, upstreams ...string) {
	t.Helper()
	proxy := &api.AgentServiceConnectProxyConfig{LocalServiceSocketPath: filepath.Join(dir, "app.sock"), Config: map[string]any{"protocol": protocol}}
	for _, name := range upstreams {
		proxy.Upstreams = append(proxy.Upstreams, api.Upstream{DestinationName: name,
			LocalBindSocketPath: filepath.Join(dir, "up-"+name+".sock"), LocalBindSocketMode: "0600"})
	}
	agent := client(t, env, login(t, env, service)).Agent()
	require.NoError(t, agent.ServiceRegister(&api.AgentServiceRegistration{Name: service, SocketPath: proxy.LocalServiceSocketPath,
		Connect: &api.AgentServiceConnect{SidecarService: &api.AgentServiceRegistration{Address: "127.0.0.1", Port: 20001, Proxy: proxy}}}))
	t.Cleanup(func() { require.NoError(t, agent.ServiceDeregister(service)) })
}

// login gives a service's token, for the test's time.
func login(t *testing.T, env *controlplanetest.Env, service string) string {
	t.Helper()
	anonymous := client(t, env, "")
	token, _, err := anonymous.ACL().Login(&api.ACLLoginParams{AuthMethod: "workloads", BearerToken: env.JWT(t, service, "consul")}, nil)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := anonymous.ACL().Logout((&api.WriteOptions{Token: token.SecretID}))
		require.NoError(t, err)
	})
	return token.SecretID
}

func client(t *testing.T, env *controlplanetest.Env, token string) *api.Client {
	t.Helper()
	pem, err := os.ReadFile(env.CAFile)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(pem))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := api.NewClient(&api.Config{Address: env.ConsulHTTP, Scheme: "https", Token: token, HttpClient: &http.Client{Transport: transport}})
	require.NoError(t, err)
	return c
}
