package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/term"
	"redoubt.example/scripts/internal/timing"
	"redoubt.example/services/platform/servertiming"
)

const (
	measurer    = "erin" // the demo user with the scope bench
	mostTraces  = 10_000
	maxResponse = 8 << 20
	maxAnswer   = 64 << 10
)

// sampleDocument is what is sent to where a document belongs, unless another body is given.
const sampleDocument = `{"title":"Minutes","text":"The board agreed on Monday to publish the report before the end of the month."}`

type traceOptions struct {
	method, path, body string
	count              int
}

// traceResult is the JSON of `lab trace`.
type traceResult struct {
	Method   string `json:"method"`
	Path     string `json:"path"`
	Status   int    `json:"status"`
	Requests int    `json:"requests"` // of which the numbers are medians
	timing.Trace
	Absent []absentHop     `json:"absent"`
	Answer json.RawMessage `json:"answer,omitempty"` // the last one's, where it is JSON and not long
}

// absentHop is a service that the request's route may call and the trace hasn't: it is told when the answer is on its way.
type absentHop struct {
	Name   string `json:"name"`
	Caller string `json:"caller"`
	URI    string `json:"uri"`
}

func (h absentHop) sentence() string {
	return fmt.Sprintf("not in it: %s, which %s calls (%s) after the answer, or not for every request", h.Name, h.Caller, h.URI)
}

// absent are the services on the route's path, by topology.yaml, that the tree hasn't.
func absent(root *timing.Hop) ([]absentHop, error) {
	top, err := topology.Load()
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	root.Walk(func(_ int, h *timing.Hop) { seen[h.Name] = true })
	all := []absentHop{} // [] in JSON, not null
	for _, hop := range top.Path(root.URI) {
		if !seen[hop.Service] {
			seen[hop.Service] = true
			all = append(all, absentHop{hop.Service, hop.Caller, hop.Route})
		}
	}
	return all, nil
}

func (a *app) trace() *cobra.Command {
	o := traceOptions{method: http.MethodPost, path: "/v1/documents"}
	cmd := &cobra.Command{
		Use:     "trace [METHOD PATH]",
		GroupID: groupLook,
		Short:   "Send one request and draw where its time went, hop by hop and control by control",
		Long: `Send one request (default: POST /v1/documents with a sample) as ` + measurer + `, whose scope ` + servertiming.Scope + ` has the answer say where its
time went, and draw it: for each hop its time, the way there and back, and what its own time went to. The client's
total stands beside the sum of the parts, and what they don't explain. A request before it is not shown: it opens the
connections.`,
		Example: "  lab trace\n  lab trace --count 200\n  lab trace GET '/v1/documents?limit=20' --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			switch len(args) {
			case 0:
			case 2:
				o.method, o.path = strings.ToUpper(args[0]), args[1]
			default:
				return exit.Mend(exit.Usagef("say a method and a path, or neither"), "lab help trace")
			}
			if err := o.readBody(cmd.InOrStdin()); err != nil {
				return err
			}
			if err := o.check(cmd.Flags().Changed("body")); err != nil {
				return err
			}
			return a.drawTrace(cmd.Context(), o)
		},
	}
	cmd.Flags().IntVar(&o.count, "count", 1, "how many requests; more than one: the medians")
	cmd.Flags().StringVar(&o.body, "body", "", "the JSON to send, or - for what comes on standard input (default for documents: a sample)")
	return cmd
}

// readBody takes a body from standard input: what somebody writes isn't for the list of processes.
func (o *traceOptions) readBody(in io.Reader) error {
	if o.body != "-" {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(in, maxResponse))
	if err != nil {
		return fmt.Errorf("read the body: %w", err)
	}
	o.body = string(text)
	return nil
}

func (o *traceOptions) check(given bool) error {
	if !slices.Contains([]string{"GET", "POST", "PUT", "DELETE"}, o.method) {
		return exit.Usagef("%q is not a method of the API: GET, POST, PUT or DELETE", o.method)
	}
	if !strings.HasPrefix(o.path, "/") || strings.ContainsAny(o.path, " \r\n#") {
		return exit.Usagef("%q is not a path", o.path)
	}
	if o.count < 1 || o.count > mostTraces {
		return exit.Usagef("it sends 1 to %d requests", mostTraces)
	}
	if !given && o.method == http.MethodPost && o.path == "/v1/documents" {
		o.body = sampleDocument
	}
	return nil
}

func (a *app) drawTrace(ctx context.Context, o traceOptions) error {
	outside, token, status, err := a.edgeAs(ctx, measurer)
	if err != nil {
		return err
	}
	defer outside.CloseIdleConnections()
	result := traceResult{Method: o.method, Path: o.path, Requests: o.count}
	var traces []timing.Trace
	for i := range o.count + 1 {
		var one timing.Trace
		var answer []byte
		if one, result.Status, answer, err = o.send(ctx, outside, status.GatewayURL, token); err != nil {
			return err
		}
		if json.Valid(answer) && len(answer) <= maxAnswer {
			result.Answer = answer
		}
		if i > 0 {
			traces = append(traces, one)
		}
	}
	result.Trace = traces[0]
	if len(traces) > 1 {
		if result.Trace, err = timing.Median(traces); err != nil {
			return err
		}
	}
	if result.Absent, err = absent(result.Root); err != nil {
		return err
	}
	out := a.output()
	return out.Print(result, func(w io.Writer) error {
		note := ""
		if o.count > 1 {
			note = fmt.Sprintf(", medians of %d", o.count)
		}
		fmt.Fprintf(w, "%s %s: %d%s\n", o.method, o.path, result.Status, note)
		if err := result.Waterfall(w, func(text string, s timing.Style) string {
			if s == timing.Faint {
				return out.Paint(text, term.Dim)
			}
			return text
		}); err != nil {
			return err
		}
		for _, absent := range result.Absent {
			fmt.Fprintln(w, out.Paint(absent.sentence(), term.Dim))
		}
		return nil
	})
}

// send sends the request once. A refusal is a response like any other: its times are told, too, where it was the service that refused.
func (o traceOptions) send(ctx context.Context, client *http.Client, gateway, token string) (timing.Trace, int, []byte, error) {
	var body io.Reader
	if o.body != "" {
		body = bytes.NewReader([]byte(o.body))
	}
	request, err := http.NewRequestWithContext(ctx, o.method, gateway+o.path, body)
	if err != nil {
		return timing.Trace{}, 0, nil, exit.Usagef("%w", err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	if o.body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	began := time.Now()
	response, err := client.Do(request)
	if err != nil {
		return timing.Trace{}, 0, nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxResponse))
	took := time.Since(began)
	if err != nil {
		return timing.Trace{}, response.StatusCode, nil, err
	}
	trace, err := timing.Read(response, took)
	if err != nil {
		return trace, response.StatusCode, text, fmt.Errorf("%s %s: %d %.300s: %w", o.method, o.path, response.StatusCode, text, err)
	}
	return trace, response.StatusCode, text, nil
}
