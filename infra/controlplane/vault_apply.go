package controlplane

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"sort"
	"strings"

	vault "github.com/hashicorp/vault/api"
	"go.yaml.in/yaml/v3"
	"golang.org/x/sync/errgroup"

	"redoubt.example/infra/topology"
)

// applyAtOnce bounds the writes under way: two processors gain nothing from more.
const applyAtOnce = 8

// write is one call of Vault's API, as the yaml files declare it.
type write struct {
	Path string         `yaml:"path"`
	Data map[string]any `yaml:"data"`
	// Once: made if it isn't there, and otherwise left alone. Other writes say the same thing again, harmlessly.
	Once bool `yaml:"once"`
	// Unless is what to read for Once, when that isn't Path itself.
	Unless string `yaml:"unless"`
}

// apply makes the writes of a file. Its documents follow each other; the writes within one are independent.
func (p *Plane) apply(ctx context.Context, as *vault.Client, file string) error {
	text, err := p.renderVault(file)
	if err != nil {
		return err
	}
	return applyText(ctx, as, file, text)
}

func applyText(ctx context.Context, as *vault.Client, file, text string) error {
	stages, err := parseWrites(file, text)
	if err != nil {
		return err
	}
	for _, stage := range stages {
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(applyAtOnce)
		for _, w := range stage {
			group.Go(func() error {
				if err := w.apply(ctx, as); err != nil {
					return fmt.Errorf("apply %s: %s: %w", file, w.Path, err)
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// parseWrites reads a file's documents: stages, of which each needs the one before.
func parseWrites(file, text string) (stages [][]write, err error) {
	dec := yaml.NewDecoder(strings.NewReader(text))
	dec.KnownFields(true)
	for {
		var stage []write
		if err := dec.Decode(&stage); errors.Is(err, io.EOF) {
			return stages, nil
		} else if err != nil {
			return nil, fmt.Errorf("parse %s: %w", file, err)
		}
		stages = append(stages, stage)
	}
}

func (w write) apply(ctx context.Context, as *vault.Client) error {
	if w.Once || w.Unless != "" {
		there, err := exists(ctx, as, w.Path, w.Unless)
		if err != nil || there {
			return err
		}
	}
	_, err := as.Logical().WriteWithContext(ctx, w.Path, w.Data)
	return err
}

// exists reads what a write would make. Mounts are looked up in their list: to read a missing one is an error.
func exists(ctx context.Context, as *vault.Client, made, unless string) (bool, error) {
	if unless == "" {
		unless = made
	}
	parent, name := path.Split(unless)
	if parent = strings.TrimSuffix(parent, "/"); parent == "sys/mounts" || parent == "sys/auth" || parent == "sys/audit" {
		secret, err := as.Logical().ReadWithContext(ctx, parent)
		if err != nil || secret == nil {
			return false, err
		}
		_, there := secret.Data[name+"/"]
		return there, nil
	}
	secret, err := as.Logical().ReadWithContext(ctx, unless)
	var status *vault.ResponseError
	if errors.As(err, &status) && (status.StatusCode == http.StatusNotFound || status.StatusCode == http.StatusBadRequest) {
		return false, nil // 400: a PKI mount that has no CA yet says so in this way
	}
	return secret != nil, err
}

// renderVault fills in what topology.yaml and this lab decide.
func (p *Plane) renderVault(file string) (string, error) {
	users := make([]string, 0, len(p.cfg.Topology.Users))
	for user := range p.cfg.Topology.Users {
		users = append(users, user)
	}
	sort.Strings(users)
	return renderWith(file, map[string]any{
		"Dir": p.cfg.Dir, "VaultAddr": p.VaultAddr, "AttestKey": string(p.cfg.AttestKeyPEM),
		"Workloads": Workloads(p.cfg.Topology), "Users": users,
	}, map[string]any{
		"quote": quote,
		"policy": func(name string) (string, error) {
			text, err := declared.ReadFile("vault/policies/" + name + ".hcl")
			if err != nil {
				return "", fmt.Errorf("%s has no policy, so nothing says what it may do: write vault/policies/%s.hcl", name, name)
			}
			return quote(string(text))
		},
		"role": func(name string) (string, error) {
			text, err := render("vault/role.json", name)
			if err != nil {
				return "", err
			}
			var oneLine bytes.Buffer
			err = json.Compact(&oneLine, []byte(text))
			return oneLine.String(), err
		},
	})
}

// quote makes a text one YAML scalar, which JSON's strings are.
func quote(text string) (string, error) {
	quoted, err := json.Marshal(text)
	return string(quoted), err
}

// Workloads are the services and the jobs: whoever has an identity of its own. Sorted.
func Workloads(t *topology.Topology) []string {
	names := t.Names()
	for job := range t.Jobs {
		names = append(names, job)
	}
	sort.Strings(names)
	return names
}
