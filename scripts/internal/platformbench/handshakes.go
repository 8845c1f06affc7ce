package platformbench

import (
	"context"
	"net/http"
	"path/filepath"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"redoubt.example/scripts/internal/unixhttp"
)

// handshakes counts the mutual TLS handshakes that the mesh has completed so far, resumed ones too, at the side that was called.
// known is false where nobody counts: a platform without a mesh.
func (l *Lab) handshakes(ctx context.Context) (n float64, known bool) {
	sockets, _ := filepath.Glob(filepath.Join(l.Record.RunDir, "*", "sidecar.sock")) // native data planes have one, too
	for _, socket := range sockets {
		if counted, ok := inbound(ctx, socket); ok {
			n, known = n+counted, true
		}
	}
	return n, known
}

func inbound(ctx context.Context, socket string) (n float64, known bool) {
	client := unixhttp.Client(socket)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://admin/metrics", nil)
	if err != nil {
		return 0, false
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, false
	}
	defer res.Body.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return 0, false
	}
	family, known := families["redoubt_mesh_handshake_seconds"]
	for _, m := range family.GetMetric() {
		for _, label := range m.GetLabel() {
			if label.GetName() == "direction" && label.GetValue() == "inbound" {
				n += float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return n, known
}
