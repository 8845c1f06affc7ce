package tunnel_test

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// said counts the lines with a message.
func (r *rig) said(message string) (n int) {
	for _, record := range r.log.All() {
		if record["msg"] == message {
			n++
		}
	}
	return n
}

// TestAwayIsSaidOnce: an upstream that is away is one event, and not one for each who asks for it.
func TestAwayIsSaidOnce(t *testing.T) {
	r := newRig(t, echo)
	r.place.stop()
	for range 3 {
		c := r.dial(t)
		_, err := c.Write([]byte("hello"))
		require.NoError(t, err)
		_, err = io.ReadAll(c)
		require.NoError(t, err)
	}
	require.Equal(t, 1, r.said("the upstream can't be reached"))
	require.Zero(t, r.said("the upstream can be reached again"))

	r.announce(r.join(t, echo).port)
	require.Eventually(t, func() bool {
		c := r.dial(t)
		_, err := c.Write([]byte("hello"))
		require.NoError(t, err)
		n, _ := c.Read(make([]byte, 1))
		return n == 1
	}, 10*time.Second, 50*time.Millisecond)
	require.Equal(t, 1, r.said("the upstream can be reached again"))
	require.Equal(t, 1, r.said("the upstream can't be reached"))
}
