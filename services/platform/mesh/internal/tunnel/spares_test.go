package tunnel_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/mesh/internal/identity"
	"redoubt.example/services/platform/mesh/internal/meshtest"
	"redoubt.example/services/platform/mesh/spiffe"
)

// handshakes counts those that the inbound half has completed, resumed or not.
func (r *rig) handshakes(t *testing.T) (full, resumed int) {
	t.Helper()
	families, err := r.metrics.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() != "redoubt_mesh_handshake_seconds" {
			continue
		}
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			switch n := int(m.GetHistogram().GetSampleCount()); {
			case labels["direction"] != "inbound":
			case labels["resumed"] == "yes":
				resumed += n
			default:
				full += n
			}
		}
	}
	return full, resumed
}

// open is how many streams a direction says are open.
func (r *rig) open(t *testing.T, direction string) (n float64) {
	t.Helper()
	families, err := r.metrics.Gather()
	require.NoError(t, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "redoubt_mesh_open_connections" && m.GetLabel()[0].GetValue() == direction {
				n += m.GetGauge().GetValue()
			}
		}
	}
	return n
}

// withSpare returns a rig in which one stream has been and a connection is ready for the next.
func withSpare(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, echo)
	require.True(t, exchange(t, r))
	require.Eventually(t, func() bool { full, resumed := r.handshakes(t); return full+resumed >= 2 }, 5*time.Second, time.Millisecond)
	return r
}

func TestStreamTakesSpare(t *testing.T) {
	r := withSpare(t)
	require.Eventually(t, func() bool { return r.open(t, "inbound") == 0 && r.open(t, "outbound") == 0 }, 5*time.Second, time.Millisecond,
		"a connection held ready isn't an open stream")
	require.EqualValues(t, 1, r.reached.Load(), "nor does the app see it")
	require.NoError(t, r.listener.Close()) // from here on no handshake can succeed
	require.True(t, exchange(t, r))
}

func TestSparesAreResumed(t *testing.T) {
	r := withSpare(t)
	for range 5 {
		require.True(t, exchange(t, r))
	}
	require.Eventually(t, func() bool { _, resumed := r.handshakes(t); return resumed >= 4 }, 5*time.Second, time.Millisecond)
	full, _ := r.handshakes(t)
	require.LessOrEqual(t, full, 2)
}

// What the server has closed since, or closes just now, costs no stream.
func TestDeadSpareIsNotHandedOut(t *testing.T) {
	r := withSpare(t)
	for range 10 {
		r.in.Recheck(func(caller spiffe.ID) error {
			return &identity.Refusal{Control: controls.MeshIntention, Reason: "a test's", Caller: caller}
		})
		require.True(t, exchange(t, r))
	}
}

func TestSpareOfAnotherGenerationIsNotHandedOut(t *testing.T) {
	r := withSpare(t)
	require.NoError(t, r.listener.Close())
	r.peer.Set(r.ca.Identity(t, "gateway"))
	require.False(t, exchange(t, r), "the connection that was ready carries the old leaf")
}

// A caller that is refused must not be refused again and again for connections that nobody asked for.
func TestNoSparesForARefusedCaller(t *testing.T) {
	r := newRig(t, echo)
	r.denied.Store(true)
	require.False(t, exchange(t, r))
	require.Equal(t, meshtest.ID("gateway").String(), r.log.Denied(t, controls.MeshIntention)["caller"])
	for range 3 {
		require.False(t, exchange(t, r))
		r.log.Denied(t, controls.MeshIntention)
	}
	require.Empty(t, r.log.AllDenied())
}
