package control

import (
	"context"
	"encoding/json"
	"net/http"

	"redoubt.example/scripts/internal/exit"
)

// Switch is a control that is off: everywhere, or in one component where several enforce it.
type Switch struct {
	Control string `json:"control"`
	Target  string `json:"target,omitempty"`
}

// Switched is what runs without which controls now.
type Switched struct {
	Off       []Switch            `json:"off"`
	Without   map[string][]string `json:"without"`   // component -> controls that it runs without
	Restarted []string            `json:"restarted"` // by this order
}

// User is an operating system user.
type User struct {
	UID int `json:"uid"`
	GID int `json:"gid"`
}

// Places says where things are, and which user is whose. It holds no secret.
type Places struct {
	Vault      string              `json:"vault"` // host:port, as the other three
	ConsulHTTP string              `json:"consul_http"`
	ConsulGRPC string              `json:"consul_grpc"`
	Postgres   string              `json:"postgres"`
	Mesh       map[string][]string `json:"mesh"`     // service -> host:port of each healthy instance
	Folders    map[string]string   `json:"folders"`  // instance -> its folder
	Isolated   bool                `json:"isolated"` // each workload has a user of its own
	Users      map[string]User     `json:"users"`    // by instance; 0, 0 where they aren't isolated
	Stranger   User                `json:"stranger"` // nobody's

	// Of a lab of containers: its name among the engine's, and the networks that its containers are on. The folders are
	// seen through each workload's process, as root and the workload's own user may.
	Project string `json:"project,omitempty"`
	Subnet  string `json:"subnet,omitempty"`
}

// Switcher is a Lab whose controls can be switched off.
type Switcher interface {
	// SwitchControls has exactly these off, and returns when what had to be restarted serves again.
	SwitchControls(ctx context.Context, off []Switch) (Switched, error)
	ControlsOff() Switched
	Places(ctx context.Context) (Places, error)
}

// SwitchControls is Switcher's.
func (c *Client) SwitchControls(ctx context.Context, off []Switch) (done Switched, err error) {
	return done, c.call(ctx, http.MethodPut, "/v1/controls", Switched{Off: off}, &done)
}

// ControlsOff is Switcher's.
func (c *Client) ControlsOff(ctx context.Context) (now Switched, err error) {
	return now, c.call(ctx, http.MethodGet, "/v1/controls", nil, &now)
}

// Places is Switcher's.
func (c *Client) Places(ctx context.Context) (p Places, err error) {
	return p, c.call(ctx, http.MethodGet, "/v1/places", nil, &p)
}

func handleSwitches(mux *http.ServeMux, s Switcher) {
	mux.HandleFunc("PUT /v1/controls", func(w http.ResponseWriter, r *http.Request) {
		var ask Switched
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&ask); err != nil {
			fail(w, exit.Usagef("controls: %w", err))
			return
		}
		answer(w, r, func(ctx context.Context) (any, error) { return s.SwitchControls(ctx, ask.Off) })
	})
	mux.HandleFunc("GET /v1/controls", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, func(context.Context) (any, error) { return s.ControlsOff(), nil })
	})
	mux.HandleFunc("GET /v1/places", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, func(ctx context.Context) (any, error) { return s.Places(ctx) })
	})
}
