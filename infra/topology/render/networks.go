package render

import (
	"bytes"
	"fmt"
	"sort"

	"go.yaml.in/yaml/v3"

	"redoubt.example/infra/topology"
)

// composeNetworks gives each pair of services that talk a network of their own, so that containers which have no
// business with each other share none. Servers have a network for each kind of client.
func composeNetworks(top *topology.Topology) ([]byte, error) {
	networks := map[string]any{"control": map[string]any{"internal": true}, "edge": map[string]any{}}
	services := map[string]map[string][]string{}
	join := func(service, network string) {
		if services[service] == nil {
			services[service] = map[string][]string{}
		}
		services[service]["networks"] = append(services[service]["networks"], network)
	}
	for _, name := range top.Names() {
		join(name, "control") // Consul and Vault
		for _, caller := range top.Callers(name) {
			network := caller + "-" + name
			networks[network] = map[string]any{"internal": true}
			join(caller, network)
			join(name, network)
		}
		if top.Services[name].Database {
			network := name + "-database"
			networks[network] = map[string]any{"internal": true}
			join(name, network)
			join("postgres", network)
		}
	}
	join(topology.Gateway, "edge")
	for _, server := range []string{"consul", "vault", "postgres"} {
		join(server, "control")
	}
	for _, s := range services {
		sort.Strings(s["networks"])
	}
	return documents(map[string]any{"networks": networks, "services": services})
}

// networkPolicies deny everything in the namespace, then allow what the topology has: NetworkPolicy knows pods and
// ports, not routes, so this is the mesh's layer once more, in the kernel.
func networkPolicies(top *topology.Topology) ([]byte, error) {
	type object = map[string]any
	pod := func(name string) object {
		return object{"podSelector": object{"matchLabels": object{"app.kubernetes.io/name": name}}}
	}
	policy := func(name string, spec object) object {
		return object{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
			"metadata": object{"name": name, "namespace": "redoubt"}, "spec": spec}
	}
	ports := func(numbers ...int) (list []object) {
		for _, n := range numbers {
			list = append(list, object{"protocol": "TCP", "port": n})
		}
		return list
	}
	dns := object{"to": []object{{"namespaceSelector": object{"matchLabels": object{"kubernetes.io/metadata.name": "kube-system"}}}},
		"ports": []object{{"protocol": "UDP", "port": 53}}}
	all := []any{policy("default-deny", object{"podSelector": object{}, "policyTypes": []string{"Ingress", "Egress"}})}
	for _, name := range top.Names() {
		ingress, egress := []object{}, []object{dns,
			{"to": []object{pod("consul")}, "ports": ports(8501, 8503)},
			{"to": []object{pod("vault")}, "ports": ports(8200)}}
		var callers, upstreams []object
		for _, caller := range top.Callers(name) {
			callers = append(callers, pod(caller))
		}
		for _, upstream := range top.Upstreams(name) {
			upstreams = append(upstreams, pod(upstream))
		}
		if len(callers) > 0 {
			ingress = append(ingress, object{"from": callers, "ports": ports(meshPort)})
		}
		if name == topology.Gateway {
			ingress = append(ingress, object{"ports": ports(8443)})
		}
		if len(upstreams) > 0 {
			egress = append(egress, object{"to": upstreams, "ports": ports(meshPort)})
		}
		if top.Services[name].Database {
			egress = append(egress, object{"to": []object{pod("postgres")}, "ports": ports(5432)})
		}
		all = append(all, policy(name, object{"podSelector": object{"matchLabels": object{"app.kubernetes.io/name": name}},
			"policyTypes": []string{"Ingress", "Egress"}, "ingress": ingress, "egress": egress}))
	}
	return documents(all...)
}

// meshPort is where a sidecar takes the mesh's connections in Kubernetes (consul-k8s' default).
const meshPort = 20000

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
