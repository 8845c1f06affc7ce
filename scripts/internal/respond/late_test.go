package respond_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/alert"
)

// What came true while a response was in force isn't answered when its alert comes later; what came before or after is.
func TestLateAlerts(t *testing.T) {
	e, w := isolating(t)
	began := w.now
	raise(t, e, w, reaches, 1, notification())
	w.now = w.now.Add(time.Minute)
	undo := func() {
		t.Helper()
		_, err := e.Undo(t.Context(), last(t, e).ID, "ann")
		require.NoError(t, err)
	}
	undo()
	w.now = w.now.Add(time.Second)
	late := func(at time.Time, caller string) int {
		seq++
		require.NoError(t, e.Take(t.Context(), alert.Alert{Seq: seq, ID: fmt.Sprint("a", seq), Rule: "lateral_movement", Count: 1, Time: at,
			Subject: alert.Subject{Reporter: "payments", Caller: caller}}))
		return len(e.List())
	}
	require.Equal(t, 1, late(began.Add(time.Second), "notification"))
	require.Equal(t, 2, late(began.Add(time.Second), "inference"), "that one wasn't isolated")
	undo()
	require.Equal(t, 3, late(began.Add(-time.Second), "notification"))
	undo()
	require.Equal(t, 4, late(w.now, "notification"))
}
