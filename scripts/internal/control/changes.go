package control

import (
	"context"
	"encoding/json"
	"net/http"

	"redoubt.example/scripts/internal/exit"
)

// maxChanges bounds an order: all rules and the topology are some 100 KiB.
const maxChanges = 4 << 20

// Changes are what a lab runs otherwise than it was started: an exercise, broken or mended. The zero Changes is the lab as it
// was.
type Changes struct {
	Exercise   string            `json:"exercise,omitempty"`   // its ID, for status
	Programs   map[string]string `json:"programs,omitempty"`   // by name: the path of the one to run in its place
	Rules      map[string]string `json:"rules,omitempty"`      // all of the policy's, by file name; none: the original
	Topology   string            `json:"topology,omitempty"`   // topology.yaml's text
	Declared   map[string]string `json:"declared,omitempty"`   // files of infra/controlplane that differ, by their names there
	Detections map[string]string `json:"detections,omitempty"` // sentinel's rules that differ, by name
}

// Changer is a Lab that can be changed while it runs.
type Changer interface {
	// Change has exactly these changes in force when it returns, and those before no longer; only what they concern is
	// restarted.
	Change(ctx context.Context, changes Changes) (restarted []string, err error)
}

// Change is Changer's.
func (c *Client) Change(ctx context.Context, changes Changes) (restarted []string, err error) {
	return restarted, c.call(ctx, http.MethodPut, "/v1/changes", changes, &restarted)
}

func handleChanges(mux *http.ServeMux, l Changer) {
	mux.HandleFunc("PUT /v1/changes", func(w http.ResponseWriter, r *http.Request) {
		var ask Changes
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxChanges)).Decode(&ask); err != nil {
			fail(w, exit.Usagef("changes: %w", err))
			return
		}
		answer(w, r, func(ctx context.Context) (any, error) { return l.Change(ctx, ask) })
	})
}
