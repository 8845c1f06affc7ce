package modelclient_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/controls/controlstest"
)

func TestUnverifiedModels(t *testing.T) {
	controlstest.Off(t, func() {
		s := newStore(t)
		s.weights[77] ^= 1
		s.manifest.Signature = make([]byte, 64)
		_, weights, err := s.client().Fetch(t.Context(), "langid")
		require.NoError(t, err)
		require.Equal(t, s.weights, weights)
	}, controls.AppModelSignature)
}
