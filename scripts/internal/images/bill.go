package images

import (
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// component is one of CycloneDX 1.5.
type component struct {
	Type    string `json:"type"`
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	PURL    string `json:"purl,omitempty"`
}

// Bill is a Go program's bill of materials, CycloneDX 1.5 as JSON: the modules that the compiler recorded in it. It has no
// serial number and no date, so that the same program has the same bill.
func Bill(name, path string) ([]byte, error) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("list what %s was built from: %w", name, err)
	}
	all := []component{{Type: "platform", Name: "go", Version: strings.TrimPrefix(info.GoVersion, "go"),
		PURL: "pkg:golang/stdlib@" + strings.TrimPrefix(info.GoVersion, "go")}}
	for _, m := range info.Deps {
		if m.Replace != nil && strings.HasPrefix(m.Replace.Path, ".") { // a module of ours
			all = append(all, component{Type: "library", Name: m.Path})
			continue
		}
		if m.Replace != nil {
			m = m.Replace
		}
		all = append(all, component{Type: "library", Name: m.Path, Version: m.Version, PURL: "pkg:golang/" + m.Path + "@" + m.Version})
	}
	slices.SortFunc(all, func(a, b component) int { return strings.Compare(a.Name, b.Name) })
	return json.MarshalIndent(map[string]any{
		"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
		"metadata":   map[string]any{"component": component{Type: "application", Name: name, PURL: "pkg:golang/" + info.Path}},
		"components": all,
	}, "", " ")
}
