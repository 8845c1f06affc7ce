package stack

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/unixhttp"
	"redoubt.example/services/platform/controls"
)

// Delays are what to waste in the controls of each service: known costs, for a harness to find again.
type Delays map[string]controls.Delays

// ParseDelays reads "service:control=20us" as `lab up --delay` takes it; 0s makes the service ready for later ones. The
// error is a sentence for who typed it.
func ParseDelays(top *topology.Topology, given []string) (Delays, error) {
	lists := map[string][]string{}
	for _, text := range given {
		service, delay, ok := strings.Cut(text, ":")
		id, _, _ := strings.Cut(delay, "=")
		c, known := controls.Lookup(id)
		switch {
		case !ok:
			return nil, fmt.Errorf("%q doesn't say where: write service:control=20us", text)
		case top.Services[service] == nil:
			return nil, fmt.Errorf("there is no service %q: it is one of %s", service, strings.Join(top.Names(), ", "))
		case known && c.Owner != ownerService && c.Owner != service && c.Owner != ownerSidecar:
			return nil, fmt.Errorf("%s isn't enforced by %s but by %s", id, service, c.Owner)
		}
		lists[service] = append(lists[service], delay)
	}
	all := Delays{}
	for service, list := range lists {
		delays, err := controls.ParseDelays(list)
		if err != nil {
			return nil, err
		}
		all[service] = delays
	}
	return all, nil
}

// List is what ParseDelays reads, sorted.
func (d Delays) List() []string {
	list := []string{}
	for service, delays := range d {
		for id := range delays {
			list = append(list, service+":"+controls.Delays{id: delays[id]}.String())
		}
	}
	slices.Sort(list)
	return list
}

// Env is what tells the processes of a service to inject its delays, and that it may be told of others.
func (d Delays) env(service string) []string {
	delays, ok := d[service]
	if !ok {
		return nil
	}
	return []string{UnsafeLab + "=1", "REDOUBT_DELAYS=" + delays.String()}
}

// InstancesOf are the components that are a service's own processes.
func (s *Stack) InstancesOf(service string) (names []string) {
	for _, w := range s.instances {
		if w.service == service {
			names = append(names, w.name)
		}
	}
	return names
}

// Inject tells a running component which delays to inject from now on. It tells whether the component takes such an order:
// one that wasn't started for it has to be started again.
func (s *Stack) Inject(ctx context.Context, component string, d controls.Delays) (taken bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://admin/v1/delays", strings.NewReader(d.String()))
	if err != nil {
		return false, err
	}
	res, err := unixhttp.Client(s.folder(component, "admin.sock")).Do(req)
	if err != nil {
		return false, fmt.Errorf("tell %s which delays to inject: %w", component, err)
	}
	defer res.Body.Close()
	switch res.StatusCode {
	case http.StatusOK:
		return true, nil
	case http.StatusNotFound:
		return false, nil
	}
	return false, fmt.Errorf("%s doesn't take its delays: %s", component, res.Status)
}
