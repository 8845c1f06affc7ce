package render

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v3"

	"redoubt.example/infra/topology"
)

const (
	namespace = "redoubt"
	// meshPort is where a sidecar takes the mesh's connections in Kubernetes (consul-k8s' default).
	meshPort = 20000
	edgePort = 8443

	nameLabel = "app.kubernetes.io/name"
)

// The servers' ports: Consul's API and xDS/ConnectCA over TLS, Vault's API, PostgreSQL.
var serverPorts = map[string][]int{"consul": {8501, 8503}, "vault": {8200}, "postgres": {5432}}

// notPublic is what a service that calls the internet is kept from: the same ranges that its own checks refuse.
var notPublic = []string{"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3"}

type object = map[string]any

// grant is one pair of rules: egress here, ingress there.
type grant struct {
	from, to string
	ports    []int
}

// grants are all connections that the platform needs inside its namespace.
func grants(top *topology.Topology) (all []grant) {
	for _, name := range top.Names() {
		for _, upstream := range top.Upstreams(name) {
			all = append(all, grant{name, upstream, []int{meshPort}})
		}
		all = append(all, grant{name, "consul", serverPorts["consul"]}, grant{name, "vault", serverPorts["vault"]})
		if top.Services[name].Database {
			all = append(all, grant{name, "postgres", serverPorts["postgres"]})
		}
	}
	for _, name := range top.JobNames() {
		all = append(all, grant{name, "vault", serverPorts["vault"]})
		if top.Jobs[name].Database {
			all = append(all, grant{name, "postgres", serverPorts["postgres"]})
		}
	}
	return append(all,
		grant{"consul", "vault", serverPorts["vault"]},      // its CA
		grant{"vault", "postgres", serverPorts["postgres"]}) // its dynamic roles
}

// networkPolicies deny everything in the namespace, then allow what the topology has: NetworkPolicy knows pods and
// ports, not routes, so this is the mesh's layer once more, in the kernel.
func networkPolicies(top *topology.Topology) ([]byte, error) {
	pods := append(append(top.Names(), top.JobNames()...), "consul", "postgres", "vault")
	all := []any{policy("default-deny", object{"podSelector": object{}, "policyTypes": []string{"Ingress", "Egress"}})}
	for _, pod := range pods {
		ingress, egress := []object{}, []object{{
			"to":    []object{{"namespaceSelector": object{"matchLabels": object{"kubernetes.io/metadata.name": "kube-system"}}}},
			"ports": []object{{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}}}}
		for _, g := range grants(top) {
			if g.from == pod {
				egress = append(egress, object{"to": []object{named(g.to)}, "ports": ports(g.ports...)})
			}
			if g.to == pod {
				ingress = append(ingress, object{"from": []object{named(g.from)}, "ports": ports(g.ports...)})
			}
		}
		if pod == topology.Gateway {
			ingress = append(ingress, object{"ports": ports(edgePort)})
		}
		if s := top.Services[pod]; s != nil && s.Internet {
			egress = append(egress, object{"to": []object{{"ipBlock": object{"cidr": "0.0.0.0/0", "except": notPublic}}}, "ports": ports(80, 443)})
		}
		all = append(all, policy(pod, object{"podSelector": object{"matchLabels": object{nameLabel: pod}},
			"policyTypes": []string{"Ingress", "Egress"}, "ingress": ingress, "egress": egress}))
	}
	return documents(all...)
}

func policy(name string, spec object) object {
	return object{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": object{"name": name, "namespace": namespace}, "spec": spec}
}

func named(pod string) object {
	return object{"podSelector": object{"matchLabels": object{nameLabel: pod}}}
}

func ports(numbers ...int) (list []object) {
	for _, n := range numbers {
		list = append(list, object{"protocol": "TCP", "port": n})
	}
	return list
}

func documents(all ...any) ([]byte, error) {
	var out bytes.Buffer
	fmt.Fprintf(&out, "# %s\n", header)
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	for _, document := range all {
		if err := enc.Encode(document); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), enc.Close()
}
