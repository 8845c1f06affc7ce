package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/posture"
	"redoubt.example/scripts/internal/term"
)

func (a *app) postureRecommend() *cobra.Command {
	enough := posture.Enough{Time: time.Hour, Requests: 1000}
	cmd := &cobra.Command{
		Use:   "recommend",
		Short: "Propose the least privilege that what was seen needs, as a patch, and say what each line rests on",
		Long: `Propose the least privilege that the requests seen so far need: callers that never called and routes that nobody used, in
topology.yaml; and what a workload may do in Vault and never did, in its policy. It is a patch for ` + "`git apply`" + `, before which each
line's reasons stand. With too little seen it proposes nothing, and says what is missing. What is rare and right, such as a
refund, looks unused too: that is for you to know.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if enough.Time < 0 || enough.Requests < 0 {
				return exit.Usagef("--observed and --requests can't be negative")
			}
			return a.recommend(cmd.Context(), enough)
		},
	}
	cmd.Flags().DurationVar(&enough.Time, "observed", enough.Time, "how long requests have to have been seen")
	cmd.Flags().Int64Var(&enough.Requests, "requests", enough.Requests, "how many requests between services have to have been seen")
	return cmd
}

func (a *app) recommend(ctx context.Context, enough posture.Enough) error {
	client, _, _, err := a.ready(ctx)
	if err != nil {
		return err
	}
	repo, err := repository()
	if err != nil {
		return err
	}
	seen := posture.Seen{Now: time.Now()}
	if seen.Flows, err = a.flows(ctx, client); err != nil {
		return err
	}
	reads, err := client.Audit(ctx, time.Time{})
	if err != nil {
		return err
	}
	seen.Reads = reads
	proposal, err := posture.Recommend(repo, seen, enough)
	if err != nil {
		return err
	}
	if err := a.output().Print(proposal, func(w io.Writer) error { return writeProposal(w, a.output(), proposal) }); err != nil {
		return err
	}
	if len(proposal.Missing) > 0 {
		return fmt.Errorf("too little was seen to recommend anything")
	}
	return nil
}

func writeProposal(w io.Writer, out term.Output, p posture.Proposal) error {
	for _, missing := range p.Missing {
		fmt.Fprintf(w, "%s %s\n", out.Paint("missing:", term.Bad), missing)
	}
	if len(p.Missing) > 0 {
		return nil
	}
	fmt.Fprintf(w, "seen: %s\n", p.Seen)
	if len(p.Lines) == 0 {
		fmt.Fprintln(w, "everything that is granted was used: nothing to take away")
	}
	for _, l := range p.Lines {
		fmt.Fprintf(w, "%s: %s\n  %s\n", l.File, l.Change, l.Basis)
	}
	_, err := fmt.Fprintf(w, "\n%s", p.Patch)
	return err
}
