// Package observability_test holds the dashboards and the configuration beside them against what the platform's processes
// measure.
package observability_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// metric is how a process declares one: its kind and its name.
var metric = regexp.MustCompile(`prometheus\.New(\w+?)(?:Vec|Func)?\(prometheus\.\w+Opts\{\s*Name:\s*"(redoubt_\w+)"`)

// declared are all metrics of the platform's sources, by the names that Prometheus has for their series.
func declared(t *testing.T) map[string]bool {
	t.Helper()
	series := map[string]bool{}
	for _, module := range []string{"../../gateway", "../../services"} {
		require.NoError(t, filepath.WalkDir(module, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, m := range metric.FindAllStringSubmatch(string(text), -1) {
				if m[1] != "Histogram" {
					series[m[2]] = true
					continue
				}
				for _, part := range []string{"_bucket", "_sum", "_count"} {
					series[m[2]+part] = true
				}
			}
			return err
		}))
	}
	require.Contains(t, series, "redoubt_server_request_duration_seconds_bucket")
	require.Contains(t, series, "redoubt_gateway_shed_total")
	return series
}

type dashboard struct {
	UID, Title string
	Panels     []struct {
		ID          int
		Title, Type string
		Datasource  struct{ UID string }
		Targets     []struct{ Expr string }
	}
}

var used = regexp.MustCompile(`redoubt_\w+`)

// unknown are the series that an expression asks for and nobody has.
func unknown(expr string, series map[string]bool) (found []string) {
	for _, name := range used.FindAllString(expr, -1) {
		if !series[name] {
			found = append(found, name)
		}
	}
	return found
}

func TestDashboards(t *testing.T) {
	series := declared(t)
	require.Equal(t, []string{"redoubt_nothing_total"}, unknown(`rate(redoubt_nothing_total[1m]) or redoubt_breaker_state`, series))
	require.Equal(t, []string{"redoubt_server_request_duration_seconds"}, unknown(`redoubt_server_request_duration_seconds`, series), "a histogram has no series of its name")

	var sources struct {
		Datasources []struct{ UID, URL string }
	}
	read(t, "provisioning/datasources/datasources.yaml", &sources)
	known := map[string]bool{}
	for _, s := range sources.Datasources {
		known[s.UID] = true
	}
	files, err := filepath.Glob("dashboards/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	uids := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var d dashboard
		require.NoError(t, json.Unmarshal(text, &d), file)
		require.False(t, uids[d.UID], "%s: two dashboards of one UID", file)
		uids[d.UID] = true
		require.NotEmpty(t, d.Panels, file)
		for _, p := range d.Panels {
			require.True(t, known[p.Datasource.UID], "%s: %s asks a source that isn't provisioned", file, p.Title)
			require.NotEmpty(t, p.Targets, "%s: %s", file, p.Title)
			for _, target := range p.Targets {
				require.Regexp(t, used, target.Expr, "%s: %s", file, p.Title)
				require.Empty(t, unknown(target.Expr, series), "%s: %s", file, p.Title)
				require.Equal(t, strings.Count(target.Expr, "("), strings.Count(target.Expr, ")"), "%s: %s", file, p.Title)
			}
		}
	}
}

// TestPortsAgree: metrics are read where they arrive, and the apps' endpoint is where the receiver listens.
func TestPortsAgree(t *testing.T) {
	var jaeger struct {
		Receivers struct {
			OTLP struct {
				Protocols map[string]struct{ Endpoint string }
			}
		}
		Exporters map[string]struct{ Endpoint string }
	}
	read(t, "jaeger.yaml", &jaeger)
	var prometheus struct {
		Scrapes []struct {
			Static []struct{ Targets []string } `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	read(t, "prometheus.yaml", &prometheus)
	require.Equal(t, "jaeger"+strings.TrimPrefix(jaeger.Exporters["prometheus"].Endpoint, "telemetry"), prometheus.Scrapes[0].Static[0].Targets[0])
	compose, err := os.ReadFile("../../docker-compose.yml")
	require.NoError(t, err)
	require.Contains(t, string(compose), "REDOUBT_OTLP_ENDPOINT=http://jaeger"+strings.TrimPrefix(jaeger.Receivers.OTLP.Protocols["http"].Endpoint, "0.0.0.0")+" ")
}

func read(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, into), path)
}
