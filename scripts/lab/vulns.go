package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/vuln/scan"

	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/term"
)

// vulnerabilities is the Go project's database, which govulncheck asks.
const vulnerabilities = "https://vuln.go.dev"

// scanned are the modules whose programs run in the platform; k6, Consul and Vault are others' programs.
var scanned = []string{"gateway", "services", "infra", "loadtest", "threatmodel", "scripts"}

func (a *app) vulns() *cobra.Command {
	var inImages bool
	cmd := &cobra.Command{
		Use:     "vulns [module]...",
		GroupID: groupBuild,
		Short:   "Look for known vulnerabilities in what our code calls (govulncheck)",
		Long: `Look for known vulnerabilities in what our code calls, module by module, with govulncheck; with --images, in each image's program, Consul's and
Vault's included: these are stripped, so that there a vulnerable module counts, called or not. It needs the database at
` + vulnerabilities + `; where that can't be reached it fails, since nothing was looked at.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			repo, err := repository()
			if err != nil {
				return err
			}
			if len(args) == 0 {
				args = scanned
			}
			if err := reachable(cmd.Context(), vulnerabilities+"/index/db.json"); err != nil {
				return fmt.Errorf("nothing was checked: the database of vulnerabilities can't be reached: %w", err)
			}
			if inImages {
				return vulnsInImages(cmd.Context())
			}
			var errs []error
			for _, module := range args {
				folder := filepath.Join(repo, module)
				if _, err := os.Stat(filepath.Join(folder, "go.mod")); err != nil {
					return exit.Usagef("%s is no module of ours", module)
				}
				fmt.Fprintf(os.Stderr, "%s:\n", module)
				if err := govulncheck(cmd.Context(), "-C", folder, "./..."); err != nil {
					errs = append(errs, fmt.Errorf("%s: %w", module, err))
				}
			}
			return errors.Join(errs...)
		},
	}
	cmd.Flags().BoolVar(&inImages, "images", false, "look in the images' programs instead of in the source")
	return cmd
}

func vulnsInImages(ctx context.Context) error {
	progress := term.NewProgress(os.Stderr)
	from, err := imageSource(ctx, nil, progress)
	progress.Close()
	if err != nil {
		return err
	}
	var errs []error
	for name, path := range from.Programs() {
		fmt.Fprintf(os.Stderr, "%s:\n", name)
		if err := govulncheck(ctx, "-mode", "binary", path); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// govulncheck prints what it finds, and fails if there is anything.
func govulncheck(ctx context.Context, args ...string) error {
	check := scan.Command(ctx, append([]string{"-db", vulnerabilities}, args...)...)
	check.Stdout, check.Stderr = os.Stdout, os.Stderr
	if err := check.Start(); err != nil {
		return err
	}
	return check.Wait()
}

func reachable(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, res.Status)
	}
	return nil
}
