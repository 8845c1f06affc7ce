package httpapi

import (
	"compress/gzip"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/protobuf/proto"

	"redoubt.example/services/platform/event"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/mesh"
)

const (
	protobuf  = "application/x-protobuf"
	maxBody   = 1 << 20 // as it is sent
	maxPlain  = 4 << 20 // unpacked
	maxEvents = 4096    // of one request
	// comeBack is when who finds no room is to try again.
	comeBack = time.Second
)

// logs takes events as OTLP/HTTP (opentelemetry-proto v1.11.0, docs/specification.md), in the binary encoding alone. Whose they are
// the mesh says: a batch in another's name is refused as a whole.
func (a API) logs(c echo.Context) error {
	caller, ok := mesh.Caller(c.Request().Context())
	if !ok {
		return fault.New(fault.Denied, "the caller has no mesh identity")
	}
	reply, err := a.take(c.Request(), caller.Service)
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, protobuf, reply)
}

// take has a request's events wait for their turn, and returns the answer.
func (a API) take(r *http.Request, allowed ...string) (reply []byte, err error) {
	batch, err := read(r)
	if err != nil {
		return nil, err
	}
	events, bad, err := a.events(r, batch, allowed)
	if err != nil {
		return nil, err
	}
	if len(events) > 0 && !a.Stream.Offer(events) {
		return nil, fault.RetryAfter(fault.New(fault.Unavailable, "there is no room for more events now"), comeBack)
	}
	answer := &collogspb.ExportLogsServiceResponse{}
	if bad.Records > 0 {
		answer.PartialSuccess = &collogspb.ExportLogsPartialSuccess{RejectedLogRecords: int64(bad.Records), ErrorMessage: bad.First.Error()}
	}
	reply, err = proto.Marshal(answer)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "internal error")
	}
	return reply, nil
}

func (a API) events(r *http.Request, batch *collogspb.ExportLogsServiceRequest, allowed []string) (events []*event.Event, bad event.Unreadable, err error) {
	received := a.Now().UTC()
	for _, resource := range batch.GetResourceLogs() {
		if err := mayReport(r.Context(), event.ReporterOf(resource), allowed); err != nil {
			return nil, bad, err
		}
		some, err := event.FromOTLP(resource, received, event.ReporterOf(resource))
		if unreadable, ok := errors.AsType[*event.Unreadable](err); ok {
			bad.Records += unreadable.Records
			bad.First = unreadable.First
		} else if err != nil {
			return nil, bad, fault.New(fault.Invalid, "%v", err)
		}
		if events = append(events, some...); len(events) > maxEvents {
			return nil, bad, fault.New(fault.TooLarge, "a request has at most %d events", maxEvents)
		}
	}
	return events, bad, nil
}

// read decodes the body.
func read(r *http.Request) (*collogspb.ExportLogsServiceRequest, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType))
	if err != nil || media != protobuf {
		return nil, fault.New(fault.Invalid, "the content type must be %s", protobuf)
	}
	var body io.Reader = http.MaxBytesReader(nil, r.Body, maxBody)
	switch encoding := r.Header.Get(echo.HeaderContentEncoding); encoding {
	case "":
	case "gzip":
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "the body is not gzip")
		}
		body = unpacked
	default:
		return nil, fault.New(fault.Invalid, "the content encoding must be gzip, or none")
	}
	raw, err := io.ReadAll(io.LimitReader(body, maxPlain+1))
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, fault.Wrap(fault.TooLarge, err, "the body is larger than %d bytes", tooLarge.Limit)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the body can't be read")
	}
	if len(raw) > maxPlain {
		return nil, fault.New(fault.TooLarge, "the body is larger than %d bytes when it is unpacked", maxPlain)
	}
	var batch collogspb.ExportLogsServiceRequest
	if err := proto.Unmarshal(raw, &batch); err != nil {
		return nil, fault.New(fault.Invalid, "the body is no ExportLogsServiceRequest")
	}
	return &batch, nil
}
