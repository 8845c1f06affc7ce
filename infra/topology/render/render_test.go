package render_test

import (
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"redoubt.example/infra/topology"
	"redoubt.example/infra/topology/render"
)

func all(t *testing.T) (*topology.Topology, map[string]string, []render.File) {
	t.Helper()
	top, err := topology.Load()
	require.NoError(t, err)
	files, err := render.All(top)
	require.NoError(t, err)
	texts := map[string]string{}
	for _, f := range files {
		texts[f.Name] = string(f.Text)
	}
	return top, texts, files
}

// TestRenderingsAreCurrent fails when topology.yaml changed and `lab topology render` wasn't run.
func TestRenderingsAreCurrent(t *testing.T) {
	_, _, files := all(t)
	require.Empty(t, render.Stale("../rendered", files), "run: go run ./scripts/lab topology render")
	top, err := topology.Load()
	require.NoError(t, err)
	composed, err := render.Compose(top)
	require.NoError(t, err)
	have, err := os.ReadFile("../../../docker-compose.yml")
	require.NoError(t, err)
	require.Equal(t, string(composed), string(have), "run: go run ./scripts/lab topology render")
}

func TestStaleAndWrite(t *testing.T) {
	_, _, files := all(t)
	folder := filepath.Join(t.TempDir(), "rendered")
	changed, err := render.Write(folder, files)
	require.NoError(t, err)
	require.Len(t, changed, len(files))
	require.Empty(t, render.Stale(folder, files))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "attack-surface.md"), []byte("all is well"), 0o644))
	require.Equal(t, []string{"attack-surface.md"}, render.Stale(folder, files))
	changed, err = render.Write(folder, files)
	require.NoError(t, err)
	require.Equal(t, []string{"attack-surface.md"}, changed)
}

// networks are a container's, in either of the two forms that Compose reads.
type networks []string

func (n *networks) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.MappingNode {
		return node.Decode((*[]string)(n))
	}
	var named map[string]any
	err := node.Decode(&named)
	*n = slices.Sorted(maps.Keys(named))
	return err
}

// TestNetworksKeepApart: notification and payments share no network, nor does an app with any other workload, and no policy
// lets one reach the other.
func TestNetworksKeepApart(t *testing.T) {
	top, texts, _ := all(t)
	var compose struct {
		Services map[string]struct{ Networks networks }
	}
	composed, err := render.Compose(top)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(composed, &compose))
	shared := func(a, b string) (both []string) {
		for _, n := range compose.Services[a].Networks {
			if contains(compose.Services[b].Networks, n) {
				both = append(both, n)
			}
		}
		return both
	}
	for _, a := range top.Names() {
		require.NotEmpty(t, compose.Services[a].Networks, a)
		require.Equal(t, top.Services[a].Database, len(shared(a, "postgres")) > 0, "%s and its database", a)
		require.Empty(t, shared(a+"-sidecar", "postgres"))
		require.Empty(t, shared(a+"-sidecar", "operator"))
		for _, b := range top.Names() {
			if a == b {
				continue
			}
			talk := contains(top.Upstreams(a), b) || contains(top.Upstreams(b), a)
			require.Equal(t, talk, len(shared(a+"-sidecar", b+"-sidecar")) > 0, "the sidecars of %s and %s", a, b)
			require.Empty(t, shared(a, b), "%s and %s", a, b)
			require.Empty(t, shared(a, b+"-sidecar"), "%s and the sidecar of %s", a, b)
		}
	}

	for name := range compose.Services {
		require.Equal(t, name == "gateway" || name == "redis", len(shared(name, "redis")) > 0, "%s and the gateway's Redis", name)
		onlyAsked := name == "prometheus" || name == "grafana"
		require.Equal(t, onlyAsked || name == "jaeger", len(shared(name, "grafana")) > 0, "%s and the dashboards", name)
	}
	for _, b := range []string{"postgres", "operator", "redis"} {
		require.Empty(t, shared("jaeger", b), "who takes everybody's telemetry, and %s", b)
	}

	type policy struct {
		Metadata struct{ Name string }
		Spec     struct {
			Ingress []struct {
				From []struct {
					PodSelector struct {
						MatchLabels map[string]string `yaml:"matchLabels"`
					} `yaml:"podSelector"`
				}
			}
		}
	}
	seen := map[string][]string{}
	dec := yaml.NewDecoder(strings.NewReader(texts["network-policies.yaml"]))
	for {
		var p policy
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		seen[p.Metadata.Name] = nil
		for _, in := range p.Spec.Ingress {
			for _, from := range in.From {
				seen[p.Metadata.Name] = append(seen[p.Metadata.Name], from.PodSelector.MatchLabels["app.kubernetes.io/name"])
			}
		}
	}
	require.Contains(t, seen, "default-deny")
	for _, name := range top.Names() {
		require.ElementsMatch(t, top.Callers(name), seen[name], name)
	}
}

// TestEachImageIsBuiltOnce, by whoever needs it first: docker-compose 1.29 pulls what a service without a build needs.
func TestEachImageIsBuiltOnce(t *testing.T) {
	top, err := topology.Load()
	require.NoError(t, err)
	text, err := render.Compose(top)
	require.NoError(t, err)
	text = regexp.MustCompile(`\$\{[A-Z_]+:-([^}]*)\}`).ReplaceAll(text, []byte("$1")) // as where nobody sets a variable
	var compose struct{ Services yaml.Node }
	require.NoError(t, yaml.Unmarshal(text, &compose))
	built := map[string]string{}
	for i := 0; i < len(compose.Services.Content); i += 2 {
		name := compose.Services.Content[i].Value
		var s struct {
			Image string
			Build struct{ Target string }
		}
		require.NoError(t, compose.Services.Content[i+1].Decode(&s))
		target, ours := strings.CutPrefix(s.Image, "redoubt/")
		if target, _, _ = strings.Cut(target, ":"); !ours {
			continue
		}
		if by, ok := built[target]; ok {
			require.Empty(t, s.Build.Target, "%s builds %s, which %s does", name, target, by)
			continue
		}
		require.Equal(t, target, s.Build.Target, "%s is the first to need it", name)
		built[target] = name
	}
	require.NotEmpty(t, built)
}

func TestSurfaceAndDiagram(t *testing.T) {
	top, texts, _ := all(t)
	for _, e := range top.Edge {
		require.Contains(t, texts["attack-surface.md"], e.Route)
	}
	require.NotContains(t, texts["consul-intentions/payments.hcl"], "migrate")
	dec := xml.NewDecoder(strings.NewReader(texts["data-flow.svg"]))
	for {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			break
		} else {
			require.NoError(t, err)
		}
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
