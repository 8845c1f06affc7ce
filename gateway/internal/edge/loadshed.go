package edge

import (
	"errors"
	"net/http"
	"strings"

	"redoubt.example/gateway/internal/shed"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
)

// shedLoad lets a request go on when there is room for it among those in work, its client's share considered. It is
// asked once the body is there, so that a slow sender holds no place; and before what costs much, here and inside.
func shedLoad(cfg Config) func(*Exchange) error {
	if cfg.Work == nil || cfg.Streams == nil {
		return nil
	}
	return func(x *Exchange) error {
		pool := cfg.Work
		if strings.HasSuffix(x.Route.Route, ":stream") {
			pool = cfg.Streams // how long it takes says nothing of the load
		}
		seat, err := pool.Acquire(x.Request().Context(), x.client())
		if errors.Is(err, shed.ErrOverload) {
			err = x.Deny(controls.EdgeLoadShed, fault.Unavailable, "too many requests are in work", "client", x.client())
			return fault.RetryAfter(err, shed.RetryAfter)
		}
		if err != nil {
			return err
		}
		x.After(seat.Release)
		x.Response().Before(func() { // until then it was ours; from now on it is the client's to read
			if x.Response().Status < http.StatusBadRequest {
				seat.Done(x.Route.Route)
			}
		})
		return nil
	}
}
