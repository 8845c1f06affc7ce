package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/authz"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/stack"
	"redoubt.example/scripts/internal/term"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/policy"
)

func (a *app) policyExplain() *cobra.Command {
	var q authz.Question
	var route string
	var attributes, scopes []string
	cmd := &cobra.Command{
		Use:   "explain --caller <service> --route <route> [--user <name>]",
		Short: "Which layer stops a request between two services, and why: mesh, token, policy",
		Long: `Which layer stops a request between two services, and why: the mesh's intention, the transaction token, the
service's policy. Every layer is asked, whether or not an outer one has said no already. By the rules of the lab
of --dir if it is up, else by those of this checkout.`,
		Example: `  lab policy explain --caller notification --route "POST payments/v1/transfers" --user alice
  lab policy explain --caller gateway --route "GET ingestion/v1/documents/{id}" --user alice --owner bob
  lab policy explain --caller ingestion --route "POST payments/v1/authorizations" --user alice --owner alice --attribute account=frozen
  lab policy explain --caller ingestion --route inference/Classify --user alice`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			top, err := a.topologyInForce()
			if err != nil {
				return err
			}
			if q.Caller == "" || route == "" {
				return exit.Usagef("say who calls with --caller, and what with --route")
			}
			if q.Service, q.Route, err = authz.Target(top, route); err != nil {
				return exit.Usagef("%w", err)
			}
			if err := q.Check(top); err != nil {
				return exit.Usagef("%w", err)
			}
			if q.Attributes, err = pairs(attributes); err != nil {
				return err
			}
			if q.Scopes = splitScopes(scopes); len(q.Scopes) > 0 && q.User != "" {
				if err := stack.CheckUser(top, q.User, q.Scopes); err != nil {
					return exit.Usagef("%w", err)
				}
			}
			return a.answer(cmd.Context(), top, q)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&q.Caller, "caller", "", "the service that calls")
	flags.StringVar(&route, "route", "", `what it calls: "POST payments/v1/transfers", for gRPC inference/Classify`)
	flags.StringVar(&q.User, "user", "", "the demo user whose transaction it is")
	flags.StringVar(&q.Entry, "entry", "", `the edge route whose token is presented, "POST /v1/documents"; else the best that the caller can have`)
	flags.StringArrayVar(&scopes, "scope", nil, "the user's scopes; all that the user may have when not given")
	flags.StringVar(&q.Owner, "owner", "", "the principal that the object belongs to")
	flags.StringArrayVar(&attributes, "attribute", nil, "what else the service knows of the object, as name=value (account=frozen, maker=ingestion, amount=5); else what is ordinary")
	return cmd
}

func (a *app) answer(ctx context.Context, top *topology.Topology, q authz.Question) error {
	decider, err := a.decider(ctx, top, q.Service)
	if err != nil {
		return err
	}
	answer, err := authz.Explain(ctx, top, decider, q)
	if err != nil {
		return err
	}
	out := a.output()
	return out.Print(answer, func(w io.Writer) error { return writeExplanation(w, out, answer) })
}

// topologyInForce is the lab's, which may be broken by an exercise, or without one the checkout's.
func (a *app) topologyInForce() (*topology.Topology, error) {
	dir, err := a.dir()
	if err != nil {
		return nil, err
	}
	record, err := dir.Running()
	if err != nil {
		return topology.Load() //nolint:nilerr // no lab
	}
	return stack.InForce(record.RunDir)
}

// decider has the rules that the lab published, if one is up. They are read to be explained, not to be obeyed, so
// nothing here verifies their signature: the services did.
func (a *app) decider(ctx context.Context, top *topology.Topology, service string) (*policy.Decider, error) {
	decider, err := policy.New(ctx, service, top)
	if err != nil {
		return nil, err
	}
	dir, err := a.dir()
	if err != nil {
		return nil, err
	}
	record, err := dir.Running()
	if err != nil {
		return decider, nil //nolint:nilerr // no lab: the checkout's rules
	}
	sealed, err := os.ReadFile(stack.PolicyFile(record.RunDir))
	if err != nil {
		return decider, nil //nolint:nilerr // it hasn't published any yet
	}
	var envelope struct {
		Payload []byte `json:"payload"`
	}
	var published policy.Bundle
	if err := json.Unmarshal(sealed, &envelope); err != nil {
		return nil, fmt.Errorf("read the lab's policy: %w", err)
	}
	if err := json.Unmarshal(envelope.Payload, &published); err != nil {
		return nil, fmt.Errorf("read the lab's policy: %w", err)
	}
	return decider, decider.Load(ctx, published)
}

func writeExplanation(w io.Writer, out term.Output, a authz.Answer) error {
	who := a.Question.Caller
	if a.Question.User != "" {
		who += " for " + a.Question.User
	}
	source := "the checkout's rules"
	if a.Revision > 0 {
		source = fmt.Sprintf("the lab's rules, revision %d", a.Revision)
	}
	if _, err := fmt.Fprintf(w, "%s -> %s %s, by %s\n\n", who, a.Question.Service, shortRoute(a.Question.Route), source); err != nil {
		return err
	}
	for _, l := range a.Layers {
		style := term.Good
		if l.Decision == controls.Deny {
			style = term.Bad
		}
		if _, err := fmt.Fprintf(w, "%-7s %s  %-18s %-18s %s\n", l.Layer, out.Paint(fmt.Sprintf("%-5s", l.Decision), style), l.Rule, l.Control, l.Reason); err != nil {
			return err
		}
	}
	verdict := out.Paint("allowed", term.Good)
	if !a.Allowed {
		verdict = out.Paint("denied", term.Bad) + ": the " + a.StoppedBy + " stops it"
		for _, l := range a.Layers {
			if l.Decision == controls.Deny && l.Layer != a.StoppedBy {
				verdict += "; without that, the " + l.Layer + " would"
			}
		}
	}
	_, err := fmt.Fprintf(w, "\n%s\n", verdict)
	return err
}

// pairs reads name=value; a value that is a number is one.
func pairs(texts []string) (map[string]any, error) {
	var all map[string]any
	for _, text := range texts {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return nil, exit.Usagef("an attribute is name=value, not %q", text)
		}
		if all == nil {
			all = map[string]any{}
		}
		all[name] = value
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			all[name] = n
		}
	}
	return all, nil
}
