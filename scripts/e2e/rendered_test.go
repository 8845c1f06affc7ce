package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	networking "k8s.io/api/networking/v1"
	strict "sigs.k8s.io/yaml"

	"redoubt.example/infra/topology"
	engine "redoubt.example/scripts/internal/containers"
)

const rendered = "../../infra/topology/rendered"

// TestCompose has each Compose that is here read docker-compose.yml with all its profiles, and looks at what it makes of it.
func TestCompose(t *testing.T) {
	for name, compose := range map[string][]string{"1.29": {"docker-compose"}, "v2": {"docker", "compose"}} {
		t.Run(name, func(t *testing.T) {
			if err := exec.Command(compose[0], append(compose[1:], "version")...).Run(); err != nil {
				t.Skipf("skipped: %s isn't installed", strings.Join(compose, " "))
			}
			testCompose(t, compose)
		})
	}
}

func testCompose(t *testing.T, compose []string) {
	var out, errs bytes.Buffer
	cmd := exec.Command(compose[0], append(compose[1:], "-f", "../../docker-compose.yml", "config")...)
	cmd.Env = append(os.Environ(), "COMPOSE_PROFILES="+strings.Join(engine.Extras(), ","))
	cmd.Stdout, cmd.Stderr = &out, &errs
	require.NoError(t, cmd.Run(), errs.String())

	var config struct {
		Networks map[string]struct{ Internal bool }
		Services map[string]struct {
			Networks    map[string]any
			NetworkMode string `yaml:"network_mode"`
			ReadOnly    bool   `yaml:"read_only"`
			User        string
			CapDrop     []string `yaml:"cap_drop"`
			CapAdd      []string `yaml:"cap_add"`
			SecurityOpt []string `yaml:"security_opt"`
			Ports       []any
		}
	}
	require.NoError(t, yaml.Unmarshal(out.Bytes(), &config))
	top, err := topology.Load()
	require.NoError(t, err)
	own := []string{"attestor", "operator", "bootstrap", "ready", "consul", "vault", "postgres",
		"redis", "jaeger", "prometheus", "grafana"} // the last four in profiles that are asked for
	require.Len(t, config.Services, 2*len(top.Services)+len(top.Jobs)+len(own))
	for name, s := range config.Services {
		require.True(t, s.ReadOnly, name)
		require.Equal(t, []string{"ALL"}, s.CapDrop, name)
		require.Equal(t, []string{"no-new-privileges:true"}, s.SecurityOpt, name)
		if !slices.Contains([]string{"attestor", "operator", "bootstrap", "ready"}, name) { // they act for root alone
			require.NotContains(t, []string{"", "0:0", "root"}, s.User, name)
			require.Empty(t, s.CapAdd, name)
		}
		if name == topology.Gateway || name == "grafana" {
			require.Len(t, s.Ports, 1)
			require.Regexp(t, `127\.0\.0\.1`, fmt.Sprint(s.Ports[0]), "the host's own loopback")
			continue
		}
		require.Empty(t, s.Ports, name)
	}
	require.Equal(t, "none", config.Services["attestor"].NetworkMode, "who signs has no network")
	var outside []string
	for name, network := range config.Networks {
		if !network.Internal {
			outside = append(outside, name)
		}
	}
	require.ElementsMatch(t, []string{"edge", "notification-internet", "observability-host"}, outside)
	require.NotContains(t, config.Services["payments"].Networks, "ingestion-database")
	require.Contains(t, config.Services["payments-migrate"].Networks, "payments-database")
}

// TestNetworkPolicies decodes them by Kubernetes' own types, unknown fields refused, and then asks them about every pair of
// pods and every port, as a network plugin does: a connection needs the egress of one and the ingress of the other.
func TestNetworkPolicies(t *testing.T) {
	top, err := topology.Load()
	require.NoError(t, err)
	raw, err := os.ReadFile(filepath.Join(rendered, "network-policies.yaml"))
	require.NoError(t, err)
	var policies policySet
	for _, document := range strings.Split(string(raw), "\n---\n") {
		var p networking.NetworkPolicy
		require.NoError(t, strict.UnmarshalStrict([]byte(document), &p))
		require.Equal(t, "redoubt", p.Namespace)
		require.Equal(t, "networking.k8s.io/v1/NetworkPolicy", p.APIVersion+"/"+p.Kind)
		policies = append(policies, p)
	}
	servers := map[string][]int{"consul": {8501, 8503}, "vault": {8200}, "postgres": {5432}}
	pods := slices.Concat(top.Names(), top.JobNames(), []string{"consul", "vault", "postgres", "stranger"})
	want := func(from, to string, port int) bool {
		service, job := top.Services[from], top.Jobs[from]
		switch {
		case from == "consul":
			return to == "vault" && port == 8200
		case from == "vault", to == "postgres":
			database := from == "vault" || service != nil && service.Database || job != nil && job.Database
			return to == "postgres" && database && port == 5432
		case to == "vault":
			return (service != nil || job != nil) && port == 8200
		case to == "consul":
			return service != nil && slices.Contains(servers["consul"], port)
		}
		return port == 20000 && slices.Contains(top.Upstreams(from), to)
	}
	for _, from := range pods {
		for _, to := range pods {
			for _, port := range []int{22, 443, 5432, 8200, 8443, 8501, 8503, 20000} {
				if from != to && !(to == topology.Gateway && port == 8443) {
					require.Equal(t, want(from, to, port), policies.allow(from, to, port), "%s to %s:%d", from, to, port)
				}
			}
		}
	}
	for _, pod := range pods {
		require.Equal(t, pod == "notification", policies.internet(pod), "%s reaches the internet", pod)
	}
}

type policySet []networking.NetworkPolicy

func (all policySet) allow(from, to string, port int) bool {
	return all.direction(from, networking.PolicyTypeEgress, func(p networking.NetworkPolicy) bool {
		return slices.ContainsFunc(p.Spec.Egress, func(r networking.NetworkPolicyEgressRule) bool {
			return matches(r.To, to) && open(r.Ports, port)
		})
	}) && all.direction(to, networking.PolicyTypeIngress, func(p networking.NetworkPolicy) bool {
		return slices.ContainsFunc(p.Spec.Ingress, func(r networking.NetworkPolicyIngressRule) bool {
			return matches(r.From, from) && open(r.Ports, port)
		})
	})
}

// direction: a pod that no policy selects is open; the policies that select it are a union.
func (all policySet) direction(pod string, kind networking.PolicyType, lets func(networking.NetworkPolicy) bool) bool {
	selected := false
	for _, p := range all {
		labels := p.Spec.PodSelector.MatchLabels
		if slices.Contains(p.Spec.PolicyTypes, kind) && (len(labels) == 0 || labels["app.kubernetes.io/name"] == pod) {
			if selected = true; lets(p) {
				return true
			}
		}
	}
	return !selected
}

func (all policySet) internet(pod string) bool {
	return all.direction(pod, networking.PolicyTypeEgress, func(p networking.NetworkPolicy) bool {
		return slices.ContainsFunc(p.Spec.Egress, func(r networking.NetworkPolicyEgressRule) bool {
			return slices.ContainsFunc(r.To, func(peer networking.NetworkPolicyPeer) bool { return peer.IPBlock != nil && open(r.Ports, 443) })
		})
	})
}

func matches(peers []networking.NetworkPolicyPeer, pod string) bool {
	return len(peers) == 0 || slices.ContainsFunc(peers, func(p networking.NetworkPolicyPeer) bool {
		return p.PodSelector != nil && p.NamespaceSelector == nil && p.PodSelector.MatchLabels["app.kubernetes.io/name"] == pod
	})
}

func open(ports []networking.NetworkPolicyPort, port int) bool {
	return len(ports) == 0 || slices.ContainsFunc(ports, func(p networking.NetworkPolicyPort) bool { return p.Port.IntValue() == port })
}
