package plane_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"

	"redoubt.example/infra/controlplane/controlplanetest"
)

// Consul's built-in proxy calls our sidecar: to it we are a proxy like any other.
func TestConsulProxyCallsUs(t *testing.T) {
	env := controlplanetest.Start(t)
	start(t, env, "payments")
	local := freeAddress(t)
	_, port, _ := net.SplitHostPort(local)
	consulProxy(t, env, "ingestion", "-upstream", "payments:"+port)
	require.Equal(t, "ingestion", getPlain(t, local))
}

// Our sidecar calls a service behind Consul's proxy, which answers for the right service and lets us in.
func TestWeCallConsulProxy(t *testing.T) {
	env := controlplanetest.Start(t)
	app, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "notification") })}
	go server.Serve(app)
	defer server.Close()
	port := freeAddress(t)
	as := serviceClient(t, env, "notification")
	require.NoError(t, as.Agent().ServiceRegister(&api.AgentServiceRegistration{
		Name: "notification", Address: "127.0.0.1", Port: portOf(t, app.Addr().String()),
		Connect: &api.AgentServiceConnect{SidecarService: &api.AgentServiceRegistration{Address: "127.0.0.1", Port: portOf(t, port),
			Checks: api.AgentServiceChecks{{Name: "the app", AliasService: "notification"}}}},
	}))
	defer func() { require.NoError(t, as.Agent().ServiceDeregister("notification")) }()
	consulProxy(t, env, "notification", "-service-addr", app.Addr().String(), "-listen", port)
	ingestion := start(t, env, "ingestion", "notification")
	got, err := getSoon(t, ingestion.client(t), "notification")
	require.NoError(t, err)
	require.Equal(t, "notification", got)
}

// consulProxy runs `consul connect proxy` for a service until the test ends.
func consulProxy(t *testing.T, env *controlplanetest.Env, service string, args ...string) {
	t.Helper()
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte(login(t, env, service)), 0o600))
	binary, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", env.Process("consul").PID()))
	require.NoError(t, err)
	var log bytes.Buffer
	cmd := exec.Command(binary, append([]string{"connect", "proxy", "-http-addr=https://" + env.ConsulHTTP, "-ca-file=" + env.CAFile,
		"-token-file=" + token, "-service", service, "-log-level=warn"}, args...)...)
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.Env = []string{"HOME=" + t.TempDir()}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
}

// login returns a token of the service's own, for the test's time: others count them.
func login(t *testing.T, env *controlplanetest.Env, service string) string {
	t.Helper()
	c, _ := operator(t, env) // for its TLS; the token is the service's
	token, _, err := c.ACL().Login(&api.ACLLoginParams{AuthMethod: "workloads", BearerToken: env.JWT(t, service, "consul")}, nil)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := c.ACL().TokenDelete(token.AccessorID, nil)
		require.NoError(t, err)
	})
	return token.SecretID
}

func serviceClient(t *testing.T, env *controlplanetest.Env, service string) *api.Client {
	t.Helper()
	c, _ := operator(t, env)
	c.SetHeaders(http.Header{"X-Consul-Token": {login(t, env, service)}})
	return c
}

// getPlain asks over TCP until there is an answer: the proxy has just been started.
func getPlain(t *testing.T, address string) (body string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 2 * time.Second}
	require.Eventually(t, func() bool {
		resp, err := client.Get("http://" + address + "/")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		all, err := io.ReadAll(resp.Body)
		body = string(all)
		return err == nil && body != ""
	}, 15*time.Second, 50*time.Millisecond)
	return body
}

func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	return ln.Addr().String()
}

func portOf(t *testing.T, address string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(address)
	require.NoError(t, err)
	port, err := strconv.Atoi(text)
	require.NoError(t, err)
	return port
}
