package quarantine

import (
	"encoding/json"
	"log/slog"
	"net/http"

	"redoubt.example/services/platform/containment"
	"redoubt.example/services/platform/fault"
)

// maxList is the longest list's JSON, in bytes.
const maxList = 4 << 20

// Handler takes the list from the operator (PUT), and tells it (GET). The answer to a PUT comes when it is in force.
func (l *List) Handler(log *slog.Logger) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			var list containment.List
			decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxList))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(&list); err != nil {
				fault.WriteProblem(w, r, fault.New(fault.Invalid, "no containment list: %v", err))
				return
			}
			if err := l.Put(list); err != nil {
				fault.WriteProblem(w, r, fault.New(fault.Invalid, "%v", err))
				return
			}
			log.Warn("containment changed", "entries", len(list.Entries))
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(l.Entries())
	}
}
