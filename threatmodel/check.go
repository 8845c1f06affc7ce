package threatmodel

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var (
	threatID  = regexp.MustCompile(`^T-\d{3}$`)
	technique = regexp.MustCompile(`^T\d{4}(\.\d{3})?$`)
	stride    = []string{"spoofing", "tampering", "repudiation", "information-disclosure", "denial-of-service", "elevation-of-privilege"}
)

// check reports everything that is wrong with one threat by itself.
func (t Threat) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !threatID.MatchString(t.ID) {
		bad("its id isn't like T-014")
	}
	for name, text := range map[string]string{"title": t.Title, "scenario": t.Scenario, "residual": t.Residual, "owner": t.Owner} {
		if strings.TrimSpace(text) == "" {
			bad("it has no %s", name)
		}
	}
	if t.Story != "" && !slices.Contains(Stories, t.Story) {
		bad("%q is none of the stories", t.Story)
	}
	if len(t.STRIDE) == 0 || len(t.Technique) == 0 || len(t.Assets) == 0 || len(t.Path) == 0 {
		bad("it needs stride, technique, assets and path")
	}
	for _, s := range t.STRIDE {
		if !slices.Contains(stride, s) {
			bad("%q is no category of STRIDE", s)
		}
	}
	for _, s := range t.OWASPAPI {
		if _, ok := OWASPAPI[s]; !ok {
			bad("%q isn't in the OWASP API Security Top 10 of 2023", s)
		}
	}
	for _, s := range t.OWASPLLM {
		if _, ok := OWASPLLM[s]; !ok {
			bad("%q isn't in the OWASP Top 10 for LLM applications of 2025", s)
		}
	}
	for _, s := range t.Technique {
		if !technique.MatchString(s) {
			bad("%q is no technique of ATT&CK", s)
		}
	}
	for _, s := range t.Path {
		if !hop.MatchString(s) {
			bad("%q is no hop: write \"a -> b\", or \"a -x b\" for one that isn't allowed", s)
		}
	}
	for layer, ids := range t.Controls {
		if !slices.Contains(Layers, layer) {
			bad("there is no layer %q", layer)
		}
		for _, id := range ids {
			if !strings.HasPrefix(id, layer+".") {
				bad("%s isn't of layer %s", id, layer)
			}
		}
	}
	if len(t.All()) == 0 {
		bad("no control stops it")
	}
	return errors.Join(errs...)
}
