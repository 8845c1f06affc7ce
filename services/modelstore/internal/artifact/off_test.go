package artifact_test

import (
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/modelstore/internal/artifact"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/controls/controlstest"
)

func TestCorruptBlobsWithoutTheCheck(t *testing.T) {
	controlstest.Off(t, func() {
		dir, files, p := setup(t)
		m := publish(t, p, "1", "weights")
		require.NoError(t, os.WriteFile(blobPath(dir, m), []byte("weightS"), 0o600))
		blob, err := artifact.NewCatalog(files).Blob(t.Context(), string(m.Digest))
		require.NoError(t, err)
		served, err := io.ReadAll(blob)
		require.NoError(t, err)
		require.Equal(t, "weightS", string(served))
		require.NoError(t, blob.Close())
	}, controls.AppModelIntegrity)
}
