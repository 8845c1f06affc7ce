package rpc

import "redoubt.example/services/platform/api/inferencev1"

// The JSON of the API. Not protojson's: that writes 64-bit numbers as text.

type response struct {
	Model   string  `json:"model"`
	Version string  `json:"version"`
	Labels  []label `json:"labels,omitempty"`
	Text    string  `json:"text,omitempty"`
	Usage   usage   `json:"usage"`
	Charge  int64   `json:"charge"`
}

type label struct {
	Label string  `json:"label"`
	Score float64 `json:"score"`
}

type usage struct {
	InputBytes  int64 `json:"input_bytes"`
	OutputBytes int64 `json:"output_bytes"`
}

type chunk struct {
	Text   string  `json:"text"`
	Labels []label `json:"labels,omitempty"`
	Offset int64   `json:"offset"`
}

type done struct {
	Model   string `json:"model"`
	Version string `json:"version"`
	Usage   usage  `json:"usage"`
	Charge  int64  `json:"charge"`
}

func labels(in []*inferencev1.Label) []label {
	out := make([]label, len(in))
	for i, l := range in {
		out[i] = label{l.GetLabel(), l.GetScore()}
	}
	return out
}

func usageOf(u *inferencev1.Usage) usage { return usage{u.GetInputBytes(), u.GetOutputBytes()} }
