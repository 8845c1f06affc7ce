// Package rpc translates the edge's HTTP requests for inference into gRPC: JSON in, JSON or server-sent events
// out. Faults come typed from the upstream client, and leave as problem documents.
package rpc

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"redoubt.example/services/platform/api/inferencev1"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/httpserver"
)

// maxInput bounds the JSON that carries an input of at most 256 KiB, escapes included.
const maxInput = 1 << 20

// Handlers returns the translations by gRPC method. A request's context carries its deadline and its
// transaction to the upstream.
func Handlers(client inferencev1.InferenceServiceClient) map[string]echo.HandlerFunc {
	return map[string]echo.HandlerFunc{
		inferencev1.InferenceService_Infer_FullMethodName:       infer(client),
		inferencev1.InferenceService_InferStream_FullMethodName: inferStream(client),
	}
}

type request struct {
	Model string `json:"model"`
	Input string `json:"input"`
}

func read(c echo.Context) (*inferencev1.InferRequest, error) {
	var in request
	if err := httpserver.Bind(c, &in, maxInput); err != nil {
		return nil, err
	}
	if in.Model == "" || in.Input == "" {
		return nil, fault.New(fault.Invalid, "model and input are needed")
	}
	return &inferencev1.InferRequest{Model: in.Model, Input: in.Input}, nil
}

func infer(client inferencev1.InferenceServiceClient) echo.HandlerFunc {
	return func(c echo.Context) error {
		in, err := read(c)
		if err != nil {
			return err
		}
		reply, err := client.Infer(c.Request().Context(), in)
		if err != nil {
			return failure(err)
		}
		return c.JSON(http.StatusOK, response{
			Model: reply.GetModel(), Version: reply.GetVersion(), Labels: labels(reply.GetLabels()),
			Text: reply.GetText(), Usage: usageOf(reply.GetUsage()), Charge: reply.GetCharge(),
		})
	}
}

// failure keeps our own transaction token out of the conversation with the client, whose access token is good.
func failure(err error) error {
	err = fault.FromStatus(err) // a fault already, or a status from beneath the typed client
	if fault.KindOf(err) == fault.Unauthenticated {
		return fault.Wrap(fault.UpstreamFailed, err, "the transaction was refused")
	}
	return err
}
