package images

import (
	"bytes"
	"debug/buildinfo"
	"fmt"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// Bill is a Go program's bill of materials, CycloneDX 1.5 as JSON: the modules that the compiler recorded in it. It has no
// serial number and no date, so that the same program has the same bill.
func Bill(name, path string) ([]byte, error) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("list what %s was built from: %w", name, err)
	}
	goVersion := strings.TrimPrefix(info.GoVersion, "go")
	all := []cdx.Component{{Type: cdx.ComponentTypePlatform, Name: "go", Version: goVersion, PackageURL: "pkg:golang/stdlib@" + goVersion}}
	for _, m := range info.Deps {
		if m.Replace != nil && strings.HasPrefix(m.Replace.Path, ".") { // a module of ours
			all = append(all, cdx.Component{Type: cdx.ComponentTypeLibrary, Name: m.Path})
			continue
		}
		if m.Replace != nil {
			m = m.Replace
		}
		all = append(all, cdx.Component{Type: cdx.ComponentTypeLibrary, Name: m.Path, Version: m.Version, PackageURL: "pkg:golang/" + m.Path + "@" + m.Version})
	}
	slices.SortFunc(all, func(a, b cdx.Component) int { return strings.Compare(a.Name, b.Name) })
	bill := cdx.NewBOM()
	bill.Metadata = &cdx.Metadata{Component: &cdx.Component{Type: cdx.ComponentTypeApplication, Name: name, PackageURL: "pkg:golang/" + info.Path}}
	bill.Components = &all
	var out bytes.Buffer
	err = cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bill, cdx.SpecVersion1_5)
	return out.Bytes(), err
}
