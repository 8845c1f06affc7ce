package stack

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"redoubt.example/infra/topology"
)

// maxReplicas of one service: beyond that the lab measures the machine's memory.
const maxReplicas = 16

// instance is whoever has a run folder and an operating system user of its own: each replica of a service, and
// each job. Replicas share an identity, which is the service's, and nothing else.
type instance struct {
	name     string // "ingestion", "ingestion.2", "ingestion-migrate"
	identity string // "ingestion", "ingestion", "ingestion-migrate"
	service  string // whose program and database: "ingestion" for all three
}

// serviceInstances are the replicas of all services, sorted by service; the first has the service's own name.
func serviceInstances(top *topology.Topology, replicas map[string]int) []instance {
	var all []instance
	for _, service := range top.Names() {
		for i := range max(replicas[service], 1) {
			all = append(all, instance{name: replicaName(service, i+1), identity: service, service: service})
		}
	}
	return all
}

// jobInstances are the one-shot helpers, sorted. A service has its jobs done once, however many replicas it has.
func jobInstances(top *topology.Topology) []instance {
	var all []instance
	for name, job := range top.Jobs {
		all = append(all, instance{name: name, identity: name, service: job.Service})
	}
	slices.SortFunc(all, func(a, b instance) int { return strings.Compare(a.name, b.name) })
	return all
}

// replicaName: a dot is in no service's name, so that "ingestion.2" can't be one.
func replicaName(service string, number int) string {
	if number == 1 {
		return service
	}
	return service + "." + strconv.Itoa(number)
}

// ParseReplicas reads "service=count" as `lab up --replicas` takes it. The error is a sentence for who typed it.
func ParseReplicas(top *topology.Topology, given []string) (map[string]int, error) {
	replicas := map[string]int{}
	for _, text := range given {
		service, count, ok := strings.Cut(text, "=")
		n, err := strconv.Atoi(count)
		switch {
		case !ok:
			return nil, fmt.Errorf("%q doesn't say how many: write service=count", text)
		case top.Services[service] == nil:
			return nil, fmt.Errorf("there is no service %q: it is one of %s", service, strings.Join(replicable(top), ", "))
		case service == gateway:
			return nil, fmt.Errorf("the gateway can't have replicas: its port is one")
		case service == modelstore:
			return nil, fmt.Errorf("modelstore can't have replicas: it serves what is published into its own folder")
		case service == sentinel:
			return nil, fmt.Errorf("sentinel can't have replicas: alerts are numbered by one, who sees all events")
		case replicas[service] != 0:
			return nil, fmt.Errorf("the replicas of %s are given twice", service)
		case err != nil || n < 1 || n > maxReplicas:
			return nil, fmt.Errorf("%s can have 1 to %d replicas, not %q", service, maxReplicas, count)
		}
		replicas[service] = n
	}
	return replicas, nil
}

func replicable(top *topology.Topology) []string {
	return slices.DeleteFunc(top.Names(), func(name string) bool { return name == gateway || name == modelstore || name == sentinel })
}
