package attack

import (
	"encoding/json"
	"io"
)

// sarifSchema is what the output is valid against (OASIS SARIF 2.1.0, errata 01).
const sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool    sarifTool     `json:"tool"`
	Results []sarifResult `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name  string      `json:"name"`
	Rules []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID         string         `json:"id"`
	Short      sarifText      `json:"shortDescription"`
	Properties map[string]any `json:"properties"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifResult struct {
	RuleID     string          `json:"ruleId"`
	RuleIndex  int             `json:"ruleIndex"`
	Kind       string          `json:"kind"`
	Level      string          `json:"level"`
	Message    sarifText       `json:"message"`
	Locations  []sarifLocation `json:"locations"`
	Properties map[string]any  `json:"properties"`
}

type sarifLocation struct {
	Physical struct {
		Artifact struct {
			URI string `json:"uri"`
		} `json:"artifactLocation"`
	} `json:"physicalLocation"`
}

// WriteSARIF writes the verdicts as SARIF 2.1.0: a blocked attack is a pass, one that succeeded an error, and one without
// evidence an open question.
func WriteSARIF(w io.Writer, r Report) error {
	run := sarifRun{Tool: sarifTool{sarifDriver{Name: "redoubt", Rules: []sarifRule{}}}, Results: []sarifResult{}}
	for i, a := range r.Attacks {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{ID: a.ID, Short: sarifText{a.Title}, Properties: map[string]any{
			"threat": a.Threat, "technique": a.Technique, "vantage": a.Vantage, "control": a.BlockedBy, "tags": []string{"security", a.Threat, a.Technique}}})
		result := sarifResult{RuleID: a.ID, RuleIndex: i, Kind: "pass", Level: "none", Message: sarifText{a.Evidence.Summary},
			Properties: map[string]any{"verdict": a.Verdict, "evidence": a.Evidence}}
		switch a.Verdict {
		case Succeeded:
			result.Kind, result.Level = "fail", "error"
		case Inconclusive:
			result.Kind, result.Level = "open", "none"
		}
		var at sarifLocation
		at.Physical.Artifact.URI = "loadtest/attacks/" + a.ID + "/attack.js"
		result.Locations = []sarifLocation{at}
		run.Results = append(run.Results, result)
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{run}})
}
