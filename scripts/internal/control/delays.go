package control

import (
	"context"
	"encoding/json"
	"net/http"

	"redoubt.example/scripts/internal/exit"
)

// Delayed is what is injected where, each as "service:control=20us"; and who had to be started again for it.
type Delayed struct {
	Delays    []string `json:"delays"`
	Restarted []string `json:"restarted"`
}

// Delayer is a Lab that injects delays for a harness to find.
type Delayer interface {
	// Delay has exactly these delays injected when it returns. A service that had some before, or was started with
	// "service:control=0s", takes others without a restart.
	Delay(ctx context.Context, delays []string) (Delayed, error)
}

// Delay is Delayer's.
func (c *Client) Delay(ctx context.Context, delays []string) (done Delayed, err error) {
	return done, c.call(ctx, http.MethodPut, "/v1/delays", Delayed{Delays: delays}, &done)
}

func handleDelays(mux *http.ServeMux, d Delayer) {
	mux.HandleFunc("PUT /v1/delays", func(w http.ResponseWriter, r *http.Request) {
		var ask Delayed
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&ask); err != nil {
			fail(w, exit.Usagef("delays: %w", err))
			return
		}
		answer(w, r, func(ctx context.Context) (any, error) { return d.Delay(ctx, ask.Delays) })
	})
}
