// Package images assembles the platform's container images from binaries built here, for an engine that can reach no
// registry: what infra/images/Dockerfile makes where one can. The same binaries give the same digest, whoever builds, when
// and where.
package images

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// Tag is that of images which were assembled here, as docker-compose.yml names it.
const Tag = "local"

// Label marks what is ours.
const Label = "example.redoubt.project"

// Image is one that isn't loaded yet.
type Image struct {
	Name  string // "redoubt/payments:local"
	Image v1.Image
}

// Source is where an image's contents come from.
type Source struct {
	Bin           string // the folder of the platform's own binaries
	Consul, Vault string // programs
	Postgres      string // the folder of PostgreSQL's programs
	Redis         string // the server; "": none on this machine, and no image of it
	// Programs of the profile observability; "": no image.
	Jaeger, Prometheus string
	Envoy              string // for mode envoy, with the agent that keeps it; "": no image
}

// EnvoyAgent is the binary of our own that the image of an Envoy starts with. It is built with Ours where that is made.
const EnvoyAgent = "./services/platform/mesh/envoyagent"

// MaxSize is what an image of ours may hold, in bytes.
const MaxSize = 40e6

// Ours are the binaries of our own that have an image, by the package that they are built from.
var Ours = []string{
	"./gateway",
	"./services/ingestion", "./services/inference", "./services/payments", "./services/notification", "./services/modelstore",
	"./services/sentinel",
	"./services/platform/mesh/sidecar", "./services/platform/attest/attestor", "./scripts/operator",
}

// Assemble makes all images, or those of these names, each of one layer.
func Assemble(ctx context.Context, from Source, only ...string) ([]Image, error) {
	var all []Image
	add := func(name string, make func() (v1.Image, error)) error {
		if err := ctx.Err(); err != nil || (len(only) > 0 && !slices.Contains(only, name)) {
			return err
		}
		image, err := make()
		all = append(all, Image{Name: "redoubt/" + name + ":" + Tag, Image: image})
		return err
	}
	programs := from.Programs()
	for _, name := range slices.Sorted(maps.Keys(programs)) {
		if err := add(name, func() (v1.Image, error) { return program(name, programs[name]) }); err != nil {
			return nil, err
		}
	}
	others := map[string]func() (v1.Image, error){"postgres": func() (v1.Image, error) { return postgres(ctx, from.Postgres) }}
	if from.Redis != "" {
		others["redis"] = func() (v1.Image, error) { return redis(ctx, from.Redis) }
	}
	if from.Envoy != "" {
		others["envoy"] = func() (v1.Image, error) { return envoy(ctx, from) }
	}
	for _, name := range slices.Sorted(maps.Keys(others)) {
		if err := add(name, others[name]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Programs are the binaries that have an image each, by its name.
func (s Source) Programs() map[string]string {
	all := map[string]string{"consul": s.Consul, "vault": s.Vault}
	for name, path := range map[string]string{"jaeger": s.Jaeger, "prometheus": s.Prometheus} {
		if path != "" {
			all[name] = path
		}
	}
	for _, pkg := range Ours {
		all[filepath.Base(pkg)] = filepath.Join(s.Bin, filepath.Base(pkg))
	}
	return all
}

// program is an image of one static binary, the certificate authorities that the internet trusts, and the list of what the
// binary was built from. There is no shell, no package manager and nothing else to run.
func program(name, path string) (v1.Image, error) {
	var files layer
	files.copy("/"+name, path, 0o755)
	files.copy(authorities, systemAuthorities(), 0o644)
	sbom, err := Bill(name, path)
	if err != nil {
		return nil, err
	}
	files.add(billPath, sbom, 0o644)
	files.add("/etc/passwd", []byte("root:x:0:0:root:/:/none\nnonroot:x:65532:65532:nonroot:/:/none\n"), 0o644)
	files.add("/etc/group", []byte("root:x:0:\nnonroot:x:65532:\n"), 0o644)
	return files.image(v1.Config{
		Entrypoint: []string{"/" + name}, User: "65532:65532",
		Env: []string{"PATH=/", "SSL_CERT_FILE=" + authorities},
	}, name)
}

// epoch is the time of everything in an image: no build leaves its own.
var epoch = v1.Time{Time: time.Unix(0, 0).UTC()}

func (l *layer) image(config v1.Config, name string) (v1.Image, error) {
	built, err := l.build()
	if err != nil {
		return nil, err
	}
	config.Labels = map[string]string{
		Label:                                  "redoubt",
		"org.opencontainers.image.title":       "redoubt/" + name,
		"org.opencontainers.image.description": "Redoubt: " + name,
		"org.opencontainers.image.vendor":      "Redoubt",
	}
	image, err := mutate.AppendLayers(empty.Image, built)
	if err != nil {
		return nil, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.Config, file.Created, file.OS, file.Architecture = config, epoch, "linux", architecture
	file.History = []v1.History{{Created: epoch, CreatedBy: "lab images"}}
	return mutate.ConfigFile(image, file)
}
