package controls

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Profile is a named set of controls: one of the options that the published decision matrices compare, here as something
// that runs.
type Profile struct {
	Name string
	Says string // what it stands for
	// Modes are the mesh modes that go with it; the first is the one that it is started in.
	Modes []string
	// Again has each service check intention, token and policy a second time: see Again.
	Again bool

	on []string // patterns over the register, as path.Match has them
}

// Layered is the profile that is meant for use. What is on in it and off elsewhere is what those lack.
const Layered = "layered"

// profiles is the one table of which controls, and which mode, make a profile.
//
// What establishes who somebody is belongs to what relies on it: a mesh without infra.attest and infra.catalog would
// hand out any identity to anybody, and services that check a token's signature gain nothing where the gateway signs
// whatever it is told. So mesh-only and library have those too.
var profiles = []Profile{
	{Name: "plaintext", Modes: []string{"plaintext"},
		Says: "no control at all: what the others are measured against"},
	{Name: "gateway-only", Modes: []string{"plaintext"}, on: []string{"edge.*"},
		Says: "everything is checked at the edge, and nothing behind it"},
	{Name: "mesh-only", Modes: []string{"sidecar", "envoy"}, on: []string{"mesh.*", InfraAttest, InfraCatalog},
		Says: "sidecars with mutual TLS and intentions; no end user is checked anywhere"},
	{Name: "library", Modes: []string{"native"}, on: []string{EdgeTLS, "edge.jwt.*", EdgeAPIKey, EdgeDPoP, MeshMTLS, MeshSPIFFE,
		AppTxnToken, AppPolicy, AppPolicyOwner, InfraAttest, InfraCatalog},
		Says: "mutual TLS, tokens and authorization in each service, by a library; no sidecars, no intentions"},
	{Name: Layered, Modes: []string{"sidecar", "native", "envoy"}, on: []string{"*"},
		Says: "every control, each at its layer"},
	{Name: "overchecked", Modes: []string{"sidecar", "native", "envoy"}, Again: true, on: []string{"*"},
		Says: "every control, and intention, token and policy a second time in each service"},
}

// Profiles returns all of them, the weakest first.
func Profiles() []Profile { return slices.Clone(profiles) }

// LookupProfile returns the profile with the name. The error lists those that there are.
func LookupProfile(name string) (Profile, error) {
	names := make([]string, len(profiles))
	for i, p := range profiles {
		if p.Name == name {
			return p, nil
		}
		names[i] = p.Name
	}
	return Profile{}, fmt.Errorf("there is no profile %q: it is one of %s", name, strings.Join(names, ", "))
}

// Has tells whether a control is on in the profile.
func (p Profile) Has(id string) bool {
	return slices.ContainsFunc(p.on, func(pattern string) bool {
		matches, _ := path.Match(pattern, id)
		return matches
	})
}

// Off returns the controls that the profile does without, in the register's order. What an engine enforces isn't among them:
// a lab of processes never has it, and one of containers always. Nor is what guards the lab's page.
func (p Profile) Off() (ids []string) {
	for _, c := range register {
		if !p.Has(c.ID) && c.Owner != Engine && c.Owner != Supervisor {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// Weak tells whether it does without a control: then it is for a lab that says it is unsafe.
func (p Profile) Weak() bool { return len(p.Off()) > 0 }

// Mode returns the mesh mode to start the profile in: the one that is asked for, or with "" its own. A mode that
// doesn't go with it is an error, which says which ones do.
func (p Profile) Mode(asked string) (string, error) {
	switch {
	case asked == "":
		return p.Modes[0], nil
	case slices.Contains(p.Modes, asked):
		return asked, nil
	}
	return "", fmt.Errorf("profile %s doesn't go with mode %s: its mode is %s", p.Name, asked, strings.Join(p.Modes, " or "))
}
