package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	engine "redoubt.example/scripts/internal/containers"
	"redoubt.example/scripts/internal/images"
)

// containers are a lab of containers that the test has started.
type containers struct {
	*lab
	project string
}

// TestContainers has an engine run the platform, with our sidecars and with a stand-in for Envoy. One after the other: they tag the
// same images and look for free networks.
func TestContainers(t *testing.T) {
	if err := engine.Check(t.Context()); err != nil {
		t.Skipf("skipped: %v", err)
	}
	t.Parallel()
	t.Run("sidecar", testContainers)
	t.Run("envoy", testContainersOfEnvoy)
}

// testContainers has an engine that reaches no registry run the platform from images assembled here.
func testContainers(t *testing.T) {
	redis := assemble(t)
	observed, why := canObserve()
	with := []string{"--engine", "docker"}
	if redis {
		with = append(with, "--with", "redis")
	}
	if observed {
		with = append(with, "--with", engine.Observability)
	}
	p := &containers{lab: up(t, with...)}
	p.project = engine.Project(p.dir)

	t.Run("a document crosses every hop", func(t *testing.T) {
		require.Equal(t, http.StatusUnauthorized, p.document(t, "no token"))
		p.eventually(t, http.StatusCreated)
	})
	t.Run("segmentation", p.segmentation)
	t.Run("quotas are shared by Redis, and outlive it", func(t *testing.T) {
		if !redis {
			t.Skip("skipped: no redis-server on this machine")
		}
		p.sharedQuotas(t)
	})
	t.Run("what dashboards draw is measured, and a trace crosses every hop", func(t *testing.T) {
		if !observed {
			t.Skipf("skipped: %s", why)
		}
		p.observed(t)
	})
	t.Run("a paused service is an outage of its own", func(t *testing.T) {
		p.docker(t, "pause", p.name("inference"))
		p.eventually(t, away...)
		p.docker(t, "unpause", p.name("inference"))
		p.eventually(t, http.StatusCreated)
	})
	t.Run("a killed service comes back", func(t *testing.T) {
		p.docker(t, "kill", p.name("payments"))
		p.eventually(t, away...)
		p.docker(t, "start", p.name("payments"))
		p.eventually(t, http.StatusCreated)
	})
	t.Run("a partition between two services is that, and heals", p.partition)
	t.Run("rotation", p.rotation)
	t.Run("sentinel knows what servers log", p.serverLogs)
	t.Run("who holds what", p.held)
	t.Run("a service is isolated, and given back", p.responses)
	t.Run("everything is taken from a service, until it is started again", p.revocation)
	t.Run("a restarted Vault is opened again", func(t *testing.T) {
		p.docker(t, "restart", p.name("vault"))
		p.eventually(t, http.StatusCreated) // with a token that only an open Vault gives
	})
	t.Run("nothing secret in what the engine shows", func(t *testing.T) {
		ids := strings.Fields(p.docker(t, "ps", "--all", "--quiet", "--filter", "label=com.docker.compose.project="+p.project))
		require.NotEmpty(t, ids)
		shown := p.docker(t, append([]string{"inspect", "--format", "{{.Config.Env}} {{.Path}} {{.Args}} {{.Config.Labels}}"}, ids...)...)
		require.Contains(t, shown, "REDOUBT_VAULT_ADDR", "it does show environments")
		require.NotRegexp(t, `eyJ[A-Za-z0-9_-]{10}|hv[sb]\.|PRIVATE KEY|(?i:password|token|secret)=`, shown)
	})
	t.Run("no secret in an image", func(t *testing.T) {
		for _, pkg := range images.Ours { // the servers' bring sample keys of their libraries' own tests along
			name := "redoubt/" + pkg[strings.LastIndex(pkg, "/")+1:] + ":" + images.Tag
			save, scan := exec.Command("docker", "save", name), exec.Command(binary, "secrets", "scan", "-")
			r, w := io.Pipe()
			save.Stdout, scan.Stdin = w, r
			require.NoError(t, save.Start())
			go func() { w.CloseWithError(save.Wait()) }()
			out, err := scan.CombinedOutput()
			require.NoError(t, err, "%s: %s", name, out)
			require.NotContains(t, string(out), " 0 files", name)
		}
	})
	t.Run("down leaves nothing", func(t *testing.T) {
		succeeds(t, p.lab.run(t, "down"))
		for _, what := range [][]string{{"ps", "--all"}, {"network", "ls"}, {"volume", "ls"}} {
			left := p.docker(t, append(what, "--quiet", "--filter", "label=com.docker.compose.project="+p.project)...)
			require.Empty(t, left, what)
		}
	})
}

// assemble makes the images, twice: the second time the engine has them already. None of ours may be large. It tells whether
// Redis is among them.
func assemble(t *testing.T) (redis bool) {
	t.Helper()
	var made, again []images.Result
	for _, into := range []*[]images.Result{&made, &again} {
		require.NoError(t, json.Unmarshal([]byte(succeeds(t, run(t, "images", "--json"))), into))
	}
	_, err := exec.LookPath("redis-server")
	redis = err == nil
	servers := 3
	if redis {
		servers = 4
	}
	require.Len(t, again, len(images.Ours)+servers)
	for n, i := range again {
		require.False(t, i.Loaded, "%s has another digest the second time", i.Name)
		require.Equal(t, made[n].Digest, i.Digest)
		name := strings.TrimSuffix(strings.TrimPrefix(i.Name, "redoubt/"), ":"+images.Tag)
		if slices.ContainsFunc(images.Ours, func(pkg string) bool { return filepath.Base(pkg) == name }) {
			require.Less(t, i.Size, int64(images.MaxSize), i.Name)
		}
	}
	return redis
}

// name is a service's container, as docker-compose 1.29 and Compose v2 name it between them.
func (p *containers) name(service string) string {
	id, _ := p.exec("docker", "ps", "--all", "--quiet", "--filter", "label=com.docker.compose.project="+p.project,
		"--filter", "label=com.docker.compose.service="+service)
	return id
}

func (p *containers) exec(program string, args ...string) (string, error) {
	cmd := exec.Command(program, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("%s %s: %w: %s", program, args[0], err, errs.String())
	}
	return strings.TrimSpace(out.String()), err
}

func (p *containers) docker(t *testing.T, args ...string) string {
	t.Helper()
	out, err := p.exec("docker", args...)
	require.NoError(t, err)
	return out
}

// get asks as alice, and returns the status of the answer.
func (p *containers) get(t *testing.T, path string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.status.GatewayURL+path, nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(succeeds(t, p.lab.run(t, "token", "--user", "alice"))))
	res, err := p.client.Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res.StatusCode
}

// document sends one, and returns the status of the answer.
func (p *containers) document(t *testing.T, token string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.status.GatewayURL+"/v1/documents",
		strings.NewReader(`{"title": "greeting", "text": "Guten Morgen, wie geht es Ihnen heute?"}`))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", fmt.Sprint("containers-", rand.Uint64()))
	res, err := p.client.Do(req)
	if err != nil {
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}

func succeeds(t *testing.T, r result) string {
	t.Helper()
	require.Zero(t, r.code, "%s%s", r.stdout, r.stderr)
	return r.stdout
}

// partition takes payments' sidecar off the one network that ingestion's has in common with it. Others still reach it.
func (p *containers) partition(t *testing.T) {
	network, sidecar := p.project+"_ingestion-payments", p.name("payments-sidecar")
	account := func() int { return p.get(t, "/v1/account") }
	require.Equal(t, http.StatusOK, account())
	p.docker(t, "network", "disconnect", network, sidecar)
	p.eventually(t, away...)
	require.Equal(t, http.StatusOK, account(), "the gateway has a network of its own to it")
	p.docker(t, "network", "connect", "--alias", "payments-sidecar", network, sidecar)
	p.eventually(t, http.StatusCreated)
}

// rotation replaces certificates, logins and keys of a platform that serves.
func (p *containers) rotation(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("skipped: only root can give workloads in containers an order")
	}
	var before, after struct {
		Root   string
		Leaves map[string]struct{ Serial string }
	}
	require.NoError(t, json.Unmarshal([]byte(succeeds(t, p.lab.run(t, "rotate", "leaf", "--json"))), &before))
	require.NoError(t, json.Unmarshal([]byte(succeeds(t, p.lab.run(t, "rotate", "ca", "--json"))), &after))
	require.NotEmpty(t, after.Root)
	require.Contains(t, before.Leaves, "payments.sidecar")
	require.Equal(t, slices.Sorted(maps.Keys(before.Leaves)), slices.Sorted(maps.Keys(after.Leaves)))
	for name, leaf := range after.Leaves {
		require.NotEqual(t, before.Leaves[name].Serial, leaf.Serial, name)
	}
	var logins []struct{ What, Holder string }
	require.NoError(t, json.Unmarshal([]byte(succeeds(t, p.lab.run(t, "rotate", "db", "payments", "--json"))), &logins))
	require.Len(t, logins, 2, "Vault's password, and the service's login")
	require.Equal(t, "payments", logins[1].Holder)
	p.eventually(t, http.StatusCreated)
}

// sharedQuotas: what the gateway counts is in Redis, which nobody else reaches; without it the gateway counts alone.
func (p *containers) sharedQuotas(t *testing.T) {
	p.eventually(t, http.StatusCreated)
	require.Regexp(t, `cmdstat_eval(sha)?:calls=`, p.docker(t, "exec", p.name("redis"), "redis-cli", "info", "commandstats"), "it was asked; what it counts expires soon")
	if os.Geteuid() == 0 {
		ip := p.inspect(t, "redis").Net.Networks[p.project+"_edge-redis"].IPAddress
		require.NoError(t, connectFrom(p.inspect(t, "gateway").State.Pid, ip, 6379), "the gateway may")
		require.Error(t, connectFrom(p.inspect(t, "notification").State.Pid, ip, 6379))
	}
	p.docker(t, "pause", p.name("redis"))
	p.eventually(t, http.StatusCreated)
	p.docker(t, "unpause", p.name("redis"))
}

// away is what the gateway answers while a service that a document needs is away, hangs, or has just been found to.
var away = []int{http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}

// eventually sends documents, each with a token asked for anew, until one is answered with one of these statuses.
func (p *containers) eventually(t *testing.T, statuses ...int) {
	t.Helper()
	require.Eventually(t, func() bool {
		token := p.lab.run(t, "token", "--user", "alice")
		return token.code == 0 && slices.Contains(statuses, p.document(t, strings.TrimSpace(token.stdout)))
	}, 3*time.Minute, 500*time.Millisecond, "no document was answered with one of %v", statuses)
}
