package rpc

import (
	"context"
	"errors"
	"io"

	"github.com/labstack/echo/v4"
	"google.golang.org/grpc"

	"redoubt.example/gateway/internal/sse"
	"redoubt.example/services/platform/api/inferencev1"
	"redoubt.example/services/platform/authn"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/telemetry"
)

// inferStream answers with server-sent events: chunk, chunk, ..., then done; or error, which holds a problem
// document, once the response has begun and its status can't say it any more.
//
// One event is read from the upstream for each one written: when the client reads slowly, gRPC's flow control
// makes the upstream wait. When the client goes away the context ends, and with it the upstream's work.
func inferStream(client inferencev1.InferenceServiceClient) echo.HandlerFunc {
	return func(c echo.Context) error {
		in, err := read(c)
		if err != nil {
			return err
		}
		ctx := c.Request().Context()
		events, err := client.InferStream(ctx, in)
		if err != nil {
			return failure(err)
		}
		first, err := events.Recv() // before the status is sent: what is wrong from the start is a plain problem
		if err != nil {
			return failure(ended(err))
		}
		out := sse.Begin(c.Response())
		if err = relay(ctx, first, events, out); err != nil {
			telemetry.Log(ctx).Warn("stream ended early", "error", err.Error())
			_ = out.Send("error", fault.ProblemOf(failure(err), telemetry.RequestID(ctx))) // the client may be gone
		}
		return nil
	}
}

func relay(ctx context.Context, event *inferencev1.InferEvent, events grpc.ServerStreamingClient[inferencev1.InferEvent], out *sse.Writer) error {
	for {
		switch e := event.GetEvent().(type) {
		case *inferencev1.InferEvent_Chunk:
			err := out.Send("chunk", chunk{e.Chunk.GetText(), labels(e.Chunk.GetLabels()), e.Chunk.GetOffset()})
			if err != nil {
				return fault.Wrap(fault.Canceled, err, "the client went away")
			}
		case *inferencev1.InferEvent_Done:
			d := e.Done
			err := out.Send("done", done{d.GetModel(), d.GetVersion(), usageOf(d.GetUsage()), d.GetCharge()})
			if authn.WantsTiming(ctx) {
				_, _ = events.Recv() // the stream's end, where its trailer is
			}
			return err
		}
		next, err := events.Recv()
		if err != nil {
			return ended(err)
		}
		event = next
	}
}

// ended: a stream that ends without done has failed, however politely.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return fault.New(fault.UpstreamFailed, "the stream ended early")
	}
	return err
}
