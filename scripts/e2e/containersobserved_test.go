package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	engine "redoubt.example/scripts/internal/containers"
	"redoubt.example/scripts/internal/images"
)

// canObserve tells whether the engine has the images of the profile observability; if not, why.
func canObserve() (bool, string) {
	for _, name := range []string{"jaeger", "prometheus"} {
		image := "redoubt/" + name + ":" + images.Tag
		if exec.Command("docker", "image", "inspect", image).Run() != nil {
			return false, fmt.Sprintf("the engine has no %s: lab images --with %s makes it", image, engine.Observability)
		}
	}
	return true, ""
}

// observed: what the dashboards draw is in Prometheus, and a document's way through every service is one trace in Jaeger.
func (p *containers) observed(t *testing.T) {
	p.eventually(t, http.StatusCreated)
	prometheus := "http://" + p.address(t, "prometheus") + ":9090"
	services := []string{"gateway", "inference", "ingestion", "modelstore", "notification", "payments"}
	require.EventuallyWithT(t, func(c *assert.CollectT) { // pushed every 15 s, and read as often
		found := instant(c, prometheus, `sum by (service) (redoubt_server_request_duration_seconds_count)`)
		for _, service := range services {
			assert.Contains(c, found, service)
		}
	}, 90*time.Second, time.Second)
	require.Subset(t, []string{"Connections that the mesh refused", "Rate limits shared"}, p.dashboards(t, prometheus),
		"only what hasn't happened here, and what Redis alone counts, has nothing to draw")

	jaeger := "http://" + p.address(t, "jaeger") + ":16686"
	token := strings.TrimSpace(succeeds(t, p.lab.run(t, "token", "--user", "alice")))
	require.EventuallyWithT(t, func(c *assert.CollectT) { // some requests are traced, not all
		p.document(t, token)
		widest := widestTrace(c, jaeger, "gateway")
		for _, service := range []string{"gateway", "ingestion", "inference", "payments", "notification"} {
			assert.True(c, widest[service], "%s isn't in the trace that most services are in: %v", service, widest)
		}
	}, 2*time.Minute, time.Second)

	if os.Geteuid() != 0 {
		t.Log("skipped: only root can ask as a workload")
		return
	}
	// A workload tells, and reads nobody's.
	sidecar, told := p.inspect(t, "payments-sidecar").State.Pid, p.inspect(t, "jaeger").Net.Networks[p.project+"_payments-control"].IPAddress
	require.NoError(t, connectFrom(sidecar, told, 4318))
	for _, port := range []uint16{16686, 16685, 8889} {
		require.Error(t, connectFrom(sidecar, told, port), "port %d", port)
	}
	require.Error(t, connectFrom(sidecar, p.address(t, "prometheus"), 9090))
}

// dashboards asks Prometheus everything that a dashboard does, and returns the panels that have nothing to draw.
func (p *containers) dashboards(t *testing.T, prometheus string) (empty []string) {
	t.Helper()
	files, err := filepath.Glob("../../infra/observability/dashboards/*.json")
	require.NoError(t, err)
	asked := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var dashboard struct {
			Panels []struct {
				Title   string
				Targets []struct{ Expr string }
			}
		}
		require.NoError(t, json.Unmarshal(text, &dashboard))
		for _, panel := range dashboard.Panels {
			for _, target := range panel.Targets {
				asked++
				if len(instant(t, prometheus, target.Expr)) == 0 {
					empty = append(empty, panel.Title)
				}
			}
		}
	}
	require.Greater(t, asked, 10)
	return empty
}

// instant is an instant query's answer: its series' values by the label service, or "" where they have none.
func instant(t require.TestingT, prometheus, expr string) map[string]string {
	var answer struct {
		Status, Error string
		Data          struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	ask(t, prometheus+"/api/v1/query?query="+url.QueryEscape(expr), &answer)
	require.Equal(t, "success", answer.Status, "%s: %s", expr, answer.Error)
	found := map[string]string{}
	for _, series := range answer.Data.Result {
		found[series.Metric["service"]] = fmt.Sprint(series.Value[1])
	}
	return found
}

// widestTrace are the services of the trace through one of them that most are in.
func widestTrace(t require.TestingT, jaeger, through string) (widest map[string]bool) {
	var answer struct {
		Data []struct {
			Processes map[string]struct{ ServiceName string }
		}
	}
	ask(t, jaeger+"/api/traces?limit=200&service="+through, &answer)
	for _, trace := range answer.Data {
		services := map[string]bool{}
		for _, process := range trace.Processes {
			services[process.ServiceName] = true
		}
		if len(services) > len(widest) {
			widest = services
		}
	}
	return widest
}

func ask(t require.TestingT, address string, into any) {
	client := http.Client{Timeout: 5 * time.Second}
	res, err := client.Get(address)
	require.NoError(t, err)
	defer res.Body.Close()
	require.NoError(t, json.NewDecoder(res.Body).Decode(into), address)
}

// address is a container's on the network that it shares with Grafana, which this machine reaches as the engine's host.
func (p *containers) address(t *testing.T, service string) string {
	t.Helper()
	address := p.inspect(t, service).Net.Networks[p.project+"_observability"].IPAddress
	require.NotEmpty(t, address)
	return address
}
