// Package tools obtains the programs that the lab runs: those of the system where they are recent enough, else
// official releases, else builds from pinned sources; and the platform's own binaries.
package tools

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hc-install/product"
)

// Tool is a server of somebody else's that the lab runs.
//
// One without a release is always built: it goes into an image, where a registry has its makers' own.
type Tool struct {
	Name    string
	Pinned  string              // what is downloaded or built
	Accept  version.Constraints // what a system's one must fulfil
	Builds  time.Duration       // about what a build takes on two cores
	Module  string              // the folder, from the repository's root, that pins its sources
	Package string
	Release product.Product
}

// Consul: 1.18 is the oldest with all that is used here (JWT auth methods without Enterprise, the ConnectCA gRPC
// service, Vault as its CA by JWT). Vault likewise, with identity tokens and PKI as they are since 1.15.
var (
	Consul = Tool{Name: "consul", Pinned: "1.22.0", Accept: constraint(">= 1.18, < 2"), Builds: 4 * time.Minute,
		Module: "infra/tools/consul", Package: "github.com/hashicorp/consul", Release: product.Consul}
	Vault = Tool{Name: "vault", Pinned: "1.21.0", Accept: constraint(">= 1.15, < 2"), Builds: 6 * time.Minute,
		Module: "infra/tools/vault", Package: "github.com/hashicorp/vault", Release: product.Vault}
	Jaeger = Tool{Name: "jaeger", Pinned: "2.11.0", Builds: 6 * time.Minute,
		Module: "infra/tools/jaeger", Package: "github.com/jaegertracing/jaeger/cmd/jaeger"}
	Prometheus = Tool{Name: "prometheus", Pinned: "3.5.0", Builds: 6 * time.Minute,
		Module: "infra/tools/prometheus", Package: "github.com/prometheus/prometheus/cmd/prometheus"}
)

func constraint(text string) version.Constraints {
	c, err := version.NewConstraint(text)
	if err != nil {
		panic(err) // a literal above is wrong: no test passes
	}
	return c
}

func (t Tool) released() bool { return t.Release.Name != "" }

// Pin is the name of the pinned version's file in the cache.
func (t Tool) Pin() string { return t.Name + "-" + t.Pinned }

var versionWord = regexp.MustCompile(`\bv?(\d+\.\d+(?:\.\d+)?(?:[-+][0-9A-Za-z.+-]+)?)`)

// ParseVersion finds the first version in what a program prints about itself.
func ParseVersion(text string) (*version.Version, error) {
	first, _, _ := strings.Cut(text, "\n")
	word := versionWord.FindStringSubmatch(first)
	if word == nil {
		return nil, fmt.Errorf("no version in %q", first)
	}
	return version.NewVersion(word[1])
}

// usable says why a version won't do, or nil.
func (t Tool) usable(v *version.Version) error {
	if strings.Contains(v.Metadata(), "ent") {
		return fmt.Errorf("%s %s is an Enterprise build, which wants a licence", t.Name, v)
	}
	if !t.Accept.Check(v) {
		return fmt.Errorf("%s %s isn't %s", t.Name, v, t.Accept)
	}
	return nil
}

// askVersion runs "<program> <argument>" for its version.
func askVersion(ctx context.Context, path, argument string) (*version.Version, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, argument).Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", path, argument, err)
	}
	return ParseVersion(string(out))
}
