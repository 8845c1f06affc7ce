package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/hops"
	"redoubt.example/services/platform/policy/rulecheck"
)

// pushed is what `lab policy push --json` prints.
type pushed struct {
	Revision  int64    `json:"revision"`
	Rules     []string `json:"rules"`
	Tests     int      `json:"tests"`
	Uncovered []string `json:"uncovered"` // lines that no test reaches
	Seconds   float64  `json:"seconds"`   // until every service decides by it
}

func (a *app) policyPush() *cobra.Command {
	var untested bool
	cmd := &cobra.Command{
		Use:   "push <folder>",
		Short: "Publish a folder of rules to the running lab; every service takes them up without a restart",
		Long: `Publish a folder of rules (*.rego) to the running lab. Their tests (*_test.rego) must pass. The rules are
compiled for every service, signed by Vault, and taken up by each service without a restart; one that finds them bad
refuses them and goes on with its old ones. To get the original back, push services/platform/policy/rego.`,
		Example: "  cp -r services/platform/policy/rego /tmp/rules   # change them there\n  lab policy push /tmp/rules",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return exit.Usagef("name one folder of rules")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.push(cmd.Context(), args[0], untested) },
	}
	cmd.Flags().BoolVar(&untested, "untested", false, "publish although tests fail: to see what the other layers still stop")
	return cmd
}

func (a *app) push(ctx context.Context, folder string, untested bool) error {
	rules, tests, err := readRules(folder)
	if err != nil {
		return err
	}
	all := maps.Clone(rules)
	maps.Copy(all, tests)
	report, err := rulecheck.Run(ctx, all)
	if err != nil {
		return exit.Usagef("%w", err)
	}
	if failed := report.Failures(); len(failed) > 0 && !untested {
		return exit.Mend(exit.Usagef("%s", strings.Join(failed, "; ")), "lab policy push --untested "+folder)
	}
	client, record, err := a.running()
	if err != nil {
		return err
	}
	began := time.Now()
	result := pushed{Tests: len(report.Tests), Uncovered: report.Uncovered}
	if result.Revision, err = client.PublishPolicy(ctx, rules); err != nil {
		return err
	}
	for name := range rules {
		result.Rules = append(result.Rules, name)
	}
	if err := inForce(ctx, record.RunDir, result.Revision); err != nil {
		return err
	}
	result.Seconds = time.Since(began).Seconds()
	return a.output().Print(result, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "revision %d is in force at every service after %.2f s: %d rule files, %d tests, %d lines that no test reaches\n",
			result.Revision, result.Seconds, len(result.Rules), result.Tests, len(result.Uncovered))
		return err
	})
}

func readRules(folder string) (rules, tests map[string]string, err error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.rego"))
	if err != nil || len(files) == 0 {
		return nil, nil, exit.Usagef("there are no rules (*.rego) in %s", folder)
	}
	rules, tests = map[string]string{}, map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, nil, exit.Usagef("%w", err)
		}
		into := rules
		if strings.HasSuffix(file, "_test.rego") {
			into = tests
		}
		into[filepath.Base(file)] = string(text)
	}
	return rules, tests, nil
}

// takeUpTimeout is far above what a service takes: half a second.
const takeUpTimeout = 15 * time.Second

// inForce waits until every service decides by a revision.
func inForce(ctx context.Context, runDir string, revision int64) error {
	top, err := topology.Load()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, takeUpTimeout)
	defer cancel()
	for _, service := range top.Names() {
		for {
			at, err := hops.PolicyRevision(ctx, runDir, service)
			if err == nil && at >= revision {
				break
			}
			select {
			case <-ctx.Done():
				return exit.Mend(errors.Join(fmt.Errorf("%s hasn't taken up the policy", service), err), "lab logs "+service)
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	return nil
}
