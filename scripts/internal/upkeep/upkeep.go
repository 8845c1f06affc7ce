// Package upkeep counts what a profile takes to keep: the code that its controls are, where its rules live, who keeps
// records, and what restarts to change a rule. It is counted from the sources and the register, and needs no lab.
package upkeep

import (
	"path"
	"slices"
	"strings"

	"redoubt.example/infra/topology"
	"redoubt.example/loadtest/report"
	"redoubt.example/scripts/internal/threats"
	"redoubt.example/services/platform/controls"
	"redoubt.example/threatmodel"
)

// Counter knows the sources.
type Counter struct {
	code       map[string][]string // by control: the files that name it
	lines      map[string]int      // by file
	configured map[string]threatmodel.Configuration
	services   []string // behind the gateway
}

// NewCounter reads a checkout.
func NewCounter(repo string) (*Counter, error) {
	named, err := threats.Enforcement(repo)
	if err != nil {
		return nil, err
	}
	c := &Counter{code: map[string][]string{}, lines: map[string]int{}}
	if c.configured, err = threatmodel.Configured(); err != nil {
		return nil, err
	}
	top, err := topology.Load()
	if err != nil {
		return nil, err
	}
	c.services = slices.DeleteFunc(top.Names(), func(name string) bool { return name == gateway })
	for id, places := range named {
		for _, place := range places {
			file, _, _ := strings.Cut(place, ":")
			if slices.Contains(c.code[id], file) || path.Base(file) == "main.go" { // which only wires
				continue
			}
			c.code[id] = append(c.code[id], file)
			if c.lines[file] == 0 {
				if c.lines[file], err = count(path.Join(repo, file)); err != nil {
					return nil, err
				}
			}
		}
	}
	return c, nil
}

const (
	gateway = topology.Gateway
	sidecar = "sidecar"
	service = "service"
)

// Fill enters what a profile takes.
func (c *Counter) Fill(into *report.Profile) error {
	p, err := controls.LookupProfile(into.Name)
	if err != nil {
		return err
	}
	files := map[string][]string{} // by the process that they run in
	for _, control := range controls.All() {
		if !p.Has(control.ID) {
			continue
		}
		at := control.Owner
		if at == sidecar && p.Modes[0] == "native" {
			at = service
		}
		files[at] = append(files[at], c.code[control.ID]...)
		into.Audited = adjoin(into.Audited, recorder(at))
		if rule := c.configured[control.ID].Rule; rule != nil {
			into.PolicyPlaces = adjoin(into.PolicyPlaces, rule.Lives)
			if rule.Restarts != "" {
				into.Redeploy = adjoin(into.Redeploy, rule.Restarts)
			}
		}
	}
	if len(into.PolicyPlaces) > 0 && len(into.Redeploy) == 0 {
		into.Redeploy = []string{"nothing"}
	}
	own := 0
	for _, name := range c.services {
		own += c.sum(append(slices.Clone(files[service]), files[name]...))
	}
	into.SecurityLines = &report.Lines{Gateway: c.sum(files[gateway]), Sidecar: c.sum(files[sidecar]), Service: own / len(c.services)}
	return nil
}

// sum counts each file once.
func (c *Counter) sum(files []string) (lines int) {
	slices.Sort(files)
	for _, file := range slices.Compact(files) {
		lines += c.lines[file]
	}
	return lines
}

// recorder is whose log a control's decisions are in.
func recorder(owner string) string {
	switch owner {
	case gateway, sidecar, "vault", "consul", "postgres":
		return owner
	}
	return "each service"
}

func adjoin(all []string, one string) []string {
	if slices.Contains(all, one) {
		return all
	}
	return append(all, one)
}
