package hops

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"redoubt.example/scripts/internal/unixhttp"
)

const policyMetric = "redoubt_policy_revision"

// PolicyRevision tells by which policy a service decides: the oldest among its replicas that answer.
func PolicyRevision(ctx context.Context, runDir, service string) (int64, error) {
	folders, err := filepath.Glob(filepath.Join(runDir, service+".[0-9]*"))
	if err != nil {
		return 0, err
	}
	oldest, err := int64(0), errors.New("no replica answers")
	for _, folder := range append(folders, filepath.Join(runDir, service)) {
		revision, failed := policyRevision(ctx, folder)
		if failed == nil && (err != nil || revision < oldest) {
			oldest, err = revision, nil
		}
	}
	return oldest, err
}

func policyRevision(ctx context.Context, folder string) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, replicaTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://admin/metrics", nil)
	if err != nil {
		return 0, err
	}
	res, err := unixhttp.Client(filepath.Join(folder, "admin.sock")).Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(res.Body)
	if err != nil {
		return 0, err
	}
	for _, m := range families[policyMetric].GetMetric() {
		return int64(m.GetGauge().GetValue()), nil
	}
	return 0, fmt.Errorf("no %s", policyMetric)
}
