package platformbench

import (
	"context"
	"net/http"
	"path/filepath"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"redoubt.example/scripts/internal/unixhttp"
)

// handshakes counts the mutual TLS handshakes that the mesh has completed so far, resumed ones too, at the side that was called.
// known is false where nobody counts: a platform without a mesh.
func (l *Lab) handshakes(ctx context.Context) (n float64, known bool) {
	sockets, _ := filepath.Glob(filepath.Join(l.Record.RunDir, "*", "sidecar.sock")) // native data planes have one, too
	for _, socket := range sockets {
		family, ok := metrics(ctx, socket)["redoubt_mesh_handshake_seconds"]
		known = known || ok
		for _, m := range family.GetMetric() {
			for _, label := range m.GetLabel() {
				if label.GetName() == "direction" && label.GetValue() == "inbound" {
					n += float64(m.GetHistogram().GetSampleCount())
				}
			}
		}
	}
	return n, known
}

// rejected counts the calls that the services' breakers have refused so far without asking their upstream.
func (l *Lab) rejected(ctx context.Context) (n int) {
	sockets, _ := filepath.Glob(filepath.Join(l.Record.RunDir, "*", "admin.sock"))
	for _, socket := range sockets {
		for _, m := range metrics(ctx, socket)["redoubt_breaker_rejected_total"].GetMetric() {
			n += int(m.GetCounter().GetValue())
		}
	}
	return n
}

// metrics are what a process counts, by name; none where nobody answers.
func metrics(ctx context.Context, socket string) map[string]*dto.MetricFamily {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://admin/metrics", nil)
	if err != nil {
		return nil
	}
	res, err := unixhttp.Client(socket).Do(req)
	if err != nil {
		return nil
	}
	defer res.Body.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return nil
	}
	return families
}
