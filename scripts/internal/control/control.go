// Package control is how other processes talk to a lab's supervisor: HTTP over a unix socket that only its own
// user may open.
package control

import (
	"context"
	"time"
)

// Status is what `lab status --json` prints.
type Status struct {
	Ready          bool          `json:"ready"`    // it serves
	Degraded       []Degradation `json:"degraded"` // what it does without, ready or not; empty when all is well
	Engine         string        `json:"engine"`   // what runs the components: process or docker
	Mode           string        `json:"mode"`
	Profile        string        `json:"profile"`
	ControlsOff    []string      `json:"controls_off"`       // UNSAFE: what the lab runs without; empty when all is well
	Exercise       string        `json:"exercise,omitempty"` // UNSAFE: what the lab was broken with; "": nothing
	Settings       []string      `json:"settings"`           // keys of the environment that services were started with; never values
	Delays         []string      `json:"delays"`             // UNSAFE: what is injected for a harness to find; empty when all is well
	StartupSeconds float64       `json:"startup_seconds"`    // until everything was ready; 0 before that
	RSSBytes       int64         `json:"rss_bytes"`          // the sum of all components
	GatewayURL     string        `json:"gateway_url"`
	CAFile         string        `json:"ca_file"`
	PageURL        string        `json:"page_url,omitempty"` // opens with a link of `lab page`; "": it has none
	Components     []Component   `json:"components"`
}

// The engines.
const (
	Process = "process" // this machine's kernel, under the supervisor
	Docker  = "docker"  // a Docker engine on this machine
)

// Degradation is one component that isn't well, or that works and says itself what is missing.
type Degradation struct {
	Component string `json:"component"`
	Reason    string `json:"reason"`
}

// MeshRotation is what became of a rotation of the mesh's certificates.
type MeshRotation struct {
	Root   string          `json:"root,omitempty"` // the new root's ID, where that was rotated
	Leaves map[string]Leaf `json:"leaves"`         // by the component that holds it
}

// Leaf is a certificate in force.
type Leaf struct {
	Serial   string    `json:"serial"`
	NotAfter time.Time `json:"not_after"`
}

// Component is one process of the lab.
type Component struct {
	Name     string `json:"name"`
	PID      int    `json:"pid"`
	State    string `json:"state"`
	RSSBytes int64  `json:"rss_bytes"` // proportional set size with child processes, so that a sum is true
	Address  string `json:"address"`
	Restarts int    `json:"restarts"`
	Error    string `json:"error,omitempty"`
}

// Lab is what the supervisor does for those who ask. Its errors are fit for a person; those made by package exit
// keep their code on the way.
type Lab interface {
	Status(ctx context.Context) Status
	Hold(ctx context.Context, component string) error
	Release(ctx context.Context, component string) error
	BoundToken(ctx context.Context, user string, scopes []string, key string) (string, error) // key: a thumbprint that it is bound to, or ""
	PublishPolicy(ctx context.Context, rules map[string]string) (revision int64, err error)
	RotateLeaves(ctx context.Context) (MeshRotation, error)
	RotateMeshCA(ctx context.Context) (MeshRotation, error)
	Down() // begins the shutdown and returns
}

// orderTimeout bounds a stop or start, readiness included.
const orderTimeout = 90 * time.Second

type tokenRequest struct {
	User   string   `json:"user"`
	Scopes []string `json:"scopes"`
	Key    string   `json:"key,omitempty"` // the thumbprint of one that it is bound to
}

type tokenReply struct {
	AccessToken string `json:"access_token"`
}

type policyRequest struct {
	Rules map[string]string `json:"rules"` // by file name
}

type policyReply struct {
	Revision int64 `json:"revision"`
}

type failure struct {
	Code    int    `json:"code"` // of package exit
	Message string `json:"message"`
}
