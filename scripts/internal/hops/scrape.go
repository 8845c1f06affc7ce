package hops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"redoubt.example/scripts/internal/unixhttp"
)

const metric = "redoubt_server_request_duration_seconds"

// Scrape reads the admin sockets of the named services, of all their replicas, below a lab's runtime folder. A
// replica that can't be read is an error only if no other of its service can.
func Scrape(ctx context.Context, runDir string, services []string) (Sample, error) {
	sample := Sample{}
	for _, service := range services {
		replicas, err := filepath.Glob(filepath.Join(runDir, service+".[0-9]*"))
		if err != nil {
			return nil, err
		}
		var failed []error
		for _, folder := range append(replicas, filepath.Join(runDir, service)) {
			if err := scrape(ctx, folder, service, sample); err != nil {
				failed = append(failed, err)
			}
		}
		if len(failed) > len(replicas) {
			return nil, fmt.Errorf("read the metrics of %s: %w", service, errors.Join(failed...))
		}
	}
	return sample, nil
}

// replicaTimeout keeps a replica that hangs from holding up the rest.
const replicaTimeout = 2 * time.Second

func scrape(ctx context.Context, folder, service string, into Sample) error {
	ctx, cancel := context.WithTimeout(ctx, replicaTimeout)
	defer cancel()
	socket := filepath.Join(folder, "admin.sock")
	client := unixhttp.Client(socket)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://admin/metrics", nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", res.Status)
	}
	return Parse(res.Body, service, filepath.Base(folder), into)
}

// Parse adds the metrics of one instance of a service, in Prometheus' text format, to a sample.
func Parse(text io.Reader, service, instance string, into Sample) error {
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(text)
	if err != nil {
		return err
	}
	for _, m := range families[metric].GetMetric() {
		key := Key{Callee: service, Instance: instance}
		for _, label := range m.GetLabel() {
			switch label.GetName() {
			case "caller":
				key.Caller = label.GetValue()
			case "route":
				key.Route = label.GetValue()
			case "code":
				key.Code = label.GetValue()
			}
		}
		h := Histogram{Count: m.GetHistogram().GetSampleCount()}
		for _, b := range m.GetHistogram().GetBucket() {
			h.Buckets = append(h.Buckets, Bucket{Upper: b.GetUpperBound(), Count: b.GetCumulativeCount()})
		}
		into[key] = h
	}
	return nil
}
