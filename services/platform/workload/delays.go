package workload

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
)

// inject has controls take longer by what a harness is then to find.
func (w *Workload) inject(list []string) error {
	delays, err := controls.ParseDelays(list)
	if err != nil || len(delays) == 0 && len(controls.Injected()) == 0 {
		return err
	}
	return controls.Inject(w.Log, delays)
}

const maxDelays = 4 << 10

// serveDelays takes the delays from now on, as REDOUBT_DELAYS has them, without a restart: a calibration changes them
// often. There is no such order but in an unsafe lab.
func (w *Workload) serveDelays(rw http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxDelays))
	if err == nil {
		err = w.inject(strings.FieldsFunc(string(text), func(c rune) bool { return c == ',' }))
	}
	if err != nil {
		fault.WriteProblem(rw, r, fault.New(fault.Invalid, "%v", err))
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(rw).Encode(controls.Injected().String())
}
