package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/control"
)

func (a *app) page() *cobra.Command {
	return &cobra.Command{
		Use:     "page",
		GroupID: groupLook,
		Short:   "Print a link that opens the lab's page in a browser, once",
		Long: `Print a link that opens the lab's page: its services while they run, requests, attacks, alerts, exercises. The link works once
and for ten minutes; the browser that opened it may come back for twelve hours. The page is on loopback alone. For another
machine: ssh -L PORT:127.0.0.1:PORT, with the same port on both.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, _, err := a.running()
			if err != nil {
				return err
			}
			link, err := client.PageLink(cmd.Context())
			if err != nil {
				return err
			}
			return a.output().Print(link, func(w io.Writer) error { return writeLink(w, link, time.Now()) })
		},
	}
}

func writeLink(w io.Writer, link control.PageLink, now time.Time) error {
	_, err := fmt.Fprintf(w, "%s\nopens the page once, in the next %s\n", link.URL, link.Expires.Sub(now).Round(time.Minute))
	return err
}
