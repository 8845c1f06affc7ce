package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/term"
)

// announce prints what a person wants to know once the lab is ready.
func (a *app) announce(ctx context.Context, s control.Status) error {
	link := ""
	if s.PageURL != "" && !a.json { // as JSON nobody opens it
		client, _, err := a.running()
		if err != nil {
			return err
		}
		once, err := client.PageLink(ctx)
		if err != nil {
			return err
		}
		link = "  open " + once.URL + "\n"
	}
	return a.output().Print(s, func(w io.Writer) error {
		out := a.output()
		ca := s.CAFile
		if wd, err := os.Getwd(); err == nil {
			if short, err := filepath.Rel(wd, ca); err == nil && !strings.HasPrefix(short, "..") {
				ca = short
			}
		}
		lab, dir := invocation(), a.dirFlag()
		_, err := fmt.Fprintf(w, `%s in %.1f s, %s resident, %s

  %[5]s status%[6]s
  curl --cacert %[7]s -H "Authorization: Bearer $(%[5]s token --user alice%[6]s)" \
       --json '{"title": "Minutes", "text": "The board met on Monday."}' %[4]s/v1/documents
  %[5]s logs ingestion%[6]s
%[9]s%[8]s`, out.Paint("ready", term.Good), s.StartupSeconds, term.Bytes(s.RSSBytes), s.GatewayURL, lab, dir, ca, isolationNote(), link)
		return err
	})
}

// isolationNote says what an ordinary user's lab lacks.
func isolationNote() string {
	if os.Geteuid() == 0 {
		return ""
	}
	return "\nNot root: all workloads run as you, so none is isolated from the others.\n"
}
