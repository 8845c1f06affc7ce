package main

import (
	"errors"
	"regexp"

	"redoubt.example/services/inference/internal/inference"
	"redoubt.example/services/inference/internal/openai"
	"redoubt.example/services/platform/config"
	"redoubt.example/services/platform/workload"
)

type settings struct {
	config.Workload
	Concurrency int `env:"INFERENCE_CONCURRENCY" envDefault:"4"` // how many requests one backend computes at once
	Queue       int `env:"INFERENCE_QUEUE" envDefault:"128"`     // how many may wait for that

	Upstream        string `env:"INFERENCE_UPSTREAM"`          // base URL of an OpenAI-compatible server
	UpstreamModel   string `env:"INFERENCE_UPSTREAM_MODEL"`    // what the model "llm" is called there
	UpstreamKeyFile string `env:"INFERENCE_UPSTREAM_KEY_FILE"` // 0600
}

// Validate checks what no default can.
func (s settings) Validate() error {
	var errs []error
	if s.Concurrency < 1 || s.Queue < 0 {
		errs = append(errs, errors.New("REDOUBT_INFERENCE_CONCURRENCY must be at least 1 and REDOUBT_INFERENCE_QUEUE at least 0"))
	}
	if s.Upstream == "" && (s.UpstreamModel != "" || s.UpstreamKeyFile != "") {
		errs = append(errs, errors.New("REDOUBT_INFERENCE_UPSTREAM_MODEL and _KEY_FILE need REDOUBT_INFERENCE_UPSTREAM"))
	}
	return errors.Join(append(errs, s.Workload.Validate())...)
}

// alias is the model name that leaves the choice of a model to whoever runs the platform.
const alias = "llm"

// upstreamName is what model names look like at the servers we know: "qwen3:8b", "meta-llama/Llama-3.1-8B-Instruct".
var upstreamName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$`)

// catalog knows the local model by its name and takes every other name for one of the upstream's, if there is one.
func catalog(cfg settings, identifier *inference.Identifier, w *workload.Workload) (inference.Models, error) {
	local := inference.NewGate(cfg.Concurrency, cfg.Queue)
	if cfg.Upstream == "" {
		return func(name string) (inference.Model, *inference.Gate, bool) {
			return identifier, local, name == inference.Classifier
		}, nil
	}
	upstream := openai.Config{BaseURL: cfg.Upstream, Log: w.Log, Metrics: w.Metrics}
	if cfg.UpstreamKeyFile != "" {
		key, err := openai.ReadKey(cfg.UpstreamKeyFile)
		if err != nil {
			return nil, err
		}
		upstream.Key = key
	}
	client, err := openai.New(upstream)
	if err != nil {
		return nil, err
	}
	remote := inference.NewGate(cfg.Concurrency, cfg.Queue)
	return func(name string) (inference.Model, *inference.Gate, bool) {
		switch {
		case name == inference.Classifier:
			return identifier, local, true
		case name == alias && cfg.UpstreamModel != "":
			name = cfg.UpstreamModel
		}
		return openai.Model{Client: client, Name: name}, remote, upstreamName.MatchString(name)
	}, nil
}
