package ship

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/proto"

	"redoubt.example/services/platform/alert"
)

// Dialer is a way into the mesh: *mesh.Mesh, or a sidecar.
type Dialer interface {
	Dial(ctx context.Context, upstream string) (net.Conn, error)
}

// path is sentinel's route.
const path = "/v1/logs"

// receiver is sentinel, over one connection that is kept. It is for one goroutine.
type receiver struct {
	url    string
	client *http.Client
	body   bytes.Buffer
	gzip   *gzip.Writer
}

// newReceiver: sentinel's own processes, which have no upstream, report at its admin socket.
func newReceiver(cfg Config, mesh Dialer) *receiver {
	packer, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // there is such a level
	r := &receiver{url: "http://" + Sentinel + path, gzip: packer}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return mesh.Dial(ctx, Sentinel) }
	if cfg.Workload == Sentinel {
		r.url = "http://" + Sentinel + alert.AuditPath
		dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(cfg.RunDir, "admin.sock"))
		}
	}
	r.client = &http.Client{Transport: &http.Transport{DialContext: dial, MaxIdleConns: 1, MaxConnsPerHost: 1, IdleConnTimeout: 4 * heartbeat,
		DisableCompression: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return r
}

func (r *receiver) close() { r.client.CloseIdleConnections() }

// rejection says that a batch would be refused again, for what it is.
type rejection struct{ reason string }

func (r *rejection) Error() string { return r.reason }

// tryLater says when a batch may be sent again.
type tryLater struct {
	after  time.Duration
	status string
}

func (t *tryLater) Error() string { return t.status }

// post sends a batch, and returns how many of its records sentinel will never take.
func (r *receiver) post(ctx context.Context, batch *logspb.ResourceLogs) (bad int, err error) {
	raw, err := proto.Marshal(&collogspb.ExportLogsServiceRequest{ResourceLogs: []*logspb.ResourceLogs{batch}})
	if err != nil {
		return 0, &rejection{err.Error()}
	}
	r.body.Reset()
	r.gzip.Reset(&r.body)
	_, _ = r.gzip.Write(raw) // into memory
	_ = r.gzip.Close()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(r.body.Bytes()))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Content-Encoding", "gzip")
	resp, err := r.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return 0, err
	}
	return understand(resp, answer)
}

// understand reads sentinel's answer. Only where it is about the batch is another try of no use: that we aren't let in, or that
// sentinel can't at the moment, changes.
func understand(resp *http.Response, answer []byte) (bad int, err error) {
	switch resp.StatusCode {
	case http.StatusOK:
		var took collogspb.ExportLogsServiceResponse
		if err := proto.Unmarshal(answer, &took); err != nil {
			return 0, fmt.Errorf("sentinel's answer is no ExportLogsServiceResponse")
		}
		return int(took.GetPartialSuccess().GetRejectedLogRecords()), nil
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return 0, &rejection{resp.Status}
	}
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	return 0, &tryLater{min(time.Duration(max(seconds, 0))*time.Second, longestPause), resp.Status}
}
