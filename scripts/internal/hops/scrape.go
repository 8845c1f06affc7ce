package hops

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

const metric = "redoubt_server_request_duration_seconds"

// Scrape reads the admin sockets of the named services below a lab's runtime folder.
func Scrape(ctx context.Context, runDir string, services []string) (Sample, error) {
	sample := Sample{}
	for _, service := range services {
		if err := scrape(ctx, filepath.Join(runDir, service, "admin.sock"), service, sample); err != nil {
			return nil, fmt.Errorf("read the metrics of %s: %w", service, err)
		}
	}
	return sample, nil
}

func scrape(ctx context.Context, socket, service string, into Sample) error {
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
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
	return Parse(res.Body, service, into)
}

// Parse adds one service's metrics, in Prometheus' text format, to a sample.
func Parse(text io.Reader, service string, into Sample) error {
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(text)
	if err != nil {
		return err
	}
	for _, m := range families[metric].GetMetric() {
		key := Key{Callee: service}
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
