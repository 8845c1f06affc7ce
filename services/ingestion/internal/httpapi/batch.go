package httpapi

import (
	"encoding/json"
	"net/http"

	"github.com/labstack/echo/v4"
	"redoubt.example/services/ingestion/internal/documents"
	"redoubt.example/services/platform/fault"
	"redoubt.example/services/platform/httpserver"
	"redoubt.example/services/platform/idempotency"
	"redoubt.example/services/platform/telemetry"
)

// createAll answers 200 with one result per document, each as POST /v1/documents would have answered.
func (a api) createAll(c echo.Context) error {
	var body struct {
		Documents []json.RawMessage `json:"documents"`
	}
	key, err := idempotency.Optional(c.Request().Header)
	if err != nil {
		return err
	}
	if err := httpserver.Bind(c, &body, maxBody); err != nil {
		return err
	}
	if n := len(body.Documents); n < 1 || n > documents.MaxBatch {
		return fault.New(fault.Invalid, "documents must have 1 to %d elements", documents.MaxBatch)
	}
	elements := make([]documents.Element, len(body.Documents))
	for i, text := range body.Documents {
		var draft draftJSON
		elements[i].Err = httpserver.Decode(text, &draft)
		elements[i].Draft = documents.Draft(draft)
	}
	ctx := c.Request().Context()
	owner, err := principal(ctx)
	if err != nil {
		return err
	}
	var out struct {
		Results []resultJSON `json:"results"`
	}
	for i, r := range a.intake.TakeAll(ctx, owner, key, elements) {
		if r.Err == nil {
			s := summaryOf(r.Document)
			out.Results = append(out.Results, resultJSON{Document: &s})
			continue
		}
		telemetry.Log(ctx).InfoContext(ctx, "document of a batch refused", "element", i, "error", r.Err.Error())
		p := fault.ProblemOf(r.Err, telemetry.RequestID(ctx))
		out.Results = append(out.Results, resultJSON{Problem: &p})
	}
	return c.JSON(http.StatusOK, out)
}
