// Package config reads a process's settings from REDOUBT_* environment variables, once, strictly.
package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Prefix is that of every key.
const Prefix = "REDOUBT_"

// Error is a configuration that can't work until somebody changes it. Its text is one sentence.
type Error struct{ Reason string }

func (e *Error) Error() string { return e.Reason }

// ExitCode tells lifecycle.Main that a restart won't help.
func (e *Error) ExitCode() int { return 2 }

// Load fills cfg, a pointer to a struct with caarlos0/env tags, and calls its Validate method when it has one.
// A REDOUBT_* key that cfg doesn't know is an error: a misspelt setting must not be a silent default.
func Load(cfg any) error {
	opts := env.Options{Prefix: Prefix}
	fields, err := env.GetFieldParamsWithOptions(cfg, opts)
	if err != nil {
		return &Error{"read configuration: " + reason(err)}
	}
	if unknown := unknownKeys(fields); len(unknown) > 0 {
		return &Error{fmt.Sprintf("unknown setting %s in the environment", strings.Join(unknown, ", "))}
	}
	if err := env.ParseWithOptions(cfg, opts); err != nil {
		return &Error{"read configuration: " + reason(err)}
	}
	if v, ok := cfg.(interface{ Validate() error }); ok {
		if err := v.Validate(); err != nil {
			return &Error{"check configuration: " + strings.ReplaceAll(err.Error(), "\n", ", and ")}
		}
	}
	return nil
}

func unknownKeys(fields []env.FieldParams) []string {
	known := map[string]bool{}
	for _, f := range fields {
		known[f.Key] = true
	}
	var unknown []string
	for _, kv := range os.Environ() {
		if key, _, _ := strings.Cut(kv, "="); strings.HasPrefix(key, Prefix) && !known[key] {
			unknown = append(unknown, key)
		}
	}
	slices.Sort(unknown)
	return unknown
}

// reason makes one sentence of the library's list of errors.
func reason(err error) string {
	var all env.AggregateError
	if !errors.As(err, &all) {
		return err.Error()
	}
	texts := make([]string, len(all.Errors))
	for i, e := range all.Errors {
		texts[i] = e.Error()
	}
	return strings.Join(texts, ", and ")
}
