package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"redoubt.example/infra/topology"
	"redoubt.example/scripts/internal/containers"
	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/labdir"
	"redoubt.example/scripts/internal/stack"
	"redoubt.example/scripts/internal/term"
	"redoubt.example/scripts/internal/tools"
	"redoubt.example/services/platform/controls"
	"redoubt.example/threatmodel"
)

// plan is everything that a supervisor has to know. It holds no secret.
type plan struct {
	Dir      string         `json:"dir"`
	Engine   string         `json:"engine"`             // what runs the components; "": process
	Mode     string         `json:"mode"`               // "": the profile's
	Profile  string         `json:"profile"`            // "": layered
	Replicas map[string]int `json:"replicas,omitempty"` // of services that have more than one
	Delays   stack.Delays   `json:"delays,omitempty"`   // injected, for a harness to find
	With     []string       `json:"with,omitempty"`     // containers beside the platform's own
	Attach   string         `json:"attach,omitempty"`   // the project of a platform that is somebody else's to start and end
	Port     int            `json:"port"`
	Asked    bool           `json:"asked"` // the port was given: no other will do
	LeaseTTL time.Duration  `json:"lease_ttl"`
	NoSync   bool           `json:"no_sync"`
	// Respond is the mode beyond which no runbook goes by itself; "": off.
	Respond threatmodel.Mode `json:"respond,omitempty"`
	Tools   tools.Set        `json:"tools"`

	Exercises bool `json:"exercises"` // it may be broken and mended while it runs

	Page     bool   `json:"page"`      // it has a page for a browser
	PagePort int    `json:"page_port"` // 0: the kernel's choice
	Called   string `json:"called"`    // how the person calls this program, for the page's hints
	Flag     string `json:"flag"`      // " --dir FOLDER", where that isn't the default
}

func (a *app) up() *cobra.Command {
	var p plan
	var detach, noPage bool
	var respond string
	var replicas, delays []string
	cmd := &cobra.Command{
		Use:     "up",
		GroupID: groupStart,
		Short:   "Start everything and stay until Ctrl-C, or return when ready with --detach",
		Long: `Start everything: Consul, Vault, PostgreSQL, and every service with its sidecar.

What is missing is downloaded or built first; a second start builds nothing. Databases, Vault and the
certificate authorities are new at each start: a lab keeps nothing but its logs. Ctrl-C stops everything,
a second Ctrl-C without patience.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p.Asked = cmd.Flags().Changed("port")
			if err := p.setReplicas(replicas); err != nil {
				return err
			}
			if err := p.setDelays(delays); err != nil {
				return err
			}
			if p.Respond = threatmodel.Mode(respond); !slices.Contains(threatmodel.Modes, p.Respond) {
				return exit.Usagef("--respond is off, propose or auto, not %q", respond)
			}
			if p.Page, p.Called, p.Flag = !noPage && p.Engine == control.Process, invocation(), a.dirFlag(); p.PagePort < 0 || p.PagePort > 65535 {
				return exit.Usagef("there is no port %d", p.PagePort)
			}
			if err := a.checkPlan(&p); err != nil {
				return err
			}
			for _, warning := range []string{stack.Warning(p.Mode), stack.ProfileWarning(p.Profile)} {
				if warning != "" {
					fmt.Fprintln(os.Stderr, warning)
				}
			}
			if err := a.obtain(cmd.Context(), &p); err != nil {
				return err
			}
			if detach {
				status, err := a.startDetached(cmd.Context(), p)
				if err != nil {
					return err
				}
				return a.announce(cmd.Context(), status)
			}
			return a.foreground(cmd.Context(), p)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&detach, "detach", false, "return when everything is ready; `lab down` ends it")
	flags.StringVar(&p.Engine, "engine", control.Process, "what runs the components: process, or docker, with the images of `lab images`")
	flags.StringVar(&p.Mode, "mode", "", "how workloads join the mesh: "+strings.Join(stack.Modes, ", ")+" (default the profile's: sidecar)")
	flags.StringVar(&p.Profile, "profile", "", "which controls are on: "+strings.Join(profileNames(), ", ")+" (default layered)")
	flags.StringSliceVar(&replicas, "replicas", nil, "more than one of a service: ingestion=3,inference=2")
	flags.StringSliceVar(&delays, "delay", nil, "a known delay for a harness to find, in an unsafe lab: ingestion:app.policy=20us")
	flags.StringSliceVar(&p.With, "with", nil, "with the engine docker, what is beside the platform: "+strings.Join(containers.Extras(), ", "))
	flags.StringVar(&p.Attach, "attach", "", "with the engine docker: the project of a platform that docker compose or Tilt runs already, and goes on to")
	flags.IntVar(&p.Port, "port", stack.DefaultPort, "the gateway's port; when not given, the next free one")
	flags.IntVar(&p.PagePort, "page-port", 0, "the page's port on loopback (default: any free one)")
	flags.BoolVar(&noPage, "no-page", false, "without a page for a browser")
	flags.BoolVar(&p.NoSync, "no-sync", false, "PostgreSQL doesn't wait for the disk, whose pauses hide what is measured")
	flags.StringVar(&respond, "respond", string(threatmodel.Propose),
		"how far runbooks go by themselves: off, propose (and wait for `lab respond approve`), or auto (as each says of itself)")
	flags.DurationVar(&p.LeaseTTL, "lease-ttl", 0, "how long database credentials live (default 10m)")
	return cmd
}

func (p *plan) setDelays(given []string) error {
	if err := unsafeDelays(given); err != nil || len(given) == 0 {
		return err
	}
	top, err := topology.Load()
	if err != nil {
		return err
	}
	if p.Delays, err = stack.ParseDelays(top, given); err != nil {
		return exit.Usagef("%w", err)
	}
	fmt.Fprintln(os.Stderr, delayWarning(p.Delays.List()))
	return nil
}

func profileNames() (names []string) {
	for _, p := range controls.Profiles() {
		names = append(names, p.Name)
	}
	return names
}

func (p *plan) setReplicas(given []string) error {
	top, err := topology.Load()
	if err != nil {
		return err
	}
	if p.Replicas, err = stack.ParseReplicas(top, given); err != nil {
		return exit.Usagef("%w", err)
	}
	return nil
}

// checkPlan refuses what can't work before anything is built or started.
func (a *app) checkPlan(p *plan) error {
	switch {
	case p.Port < 1 || p.Port > 65535:
		return exit.Usagef("there is no port %d", p.Port)
	case p.LeaseTTL < 0 || (p.LeaseTTL > 0 && p.LeaseTTL < 2*time.Second):
		return exit.Usagef("a lease of %s is too short: 2s or more", p.LeaseTTL)
	}
	var err error
	if p.Profile, p.Mode, err = stack.Choose(p.Profile, p.Mode); err != nil {
		return exit.Usagef("%w", err)
	}
	if err := p.checkEngine(); err != nil {
		return err
	}
	if err := stack.CheckMode(p.Mode, os.Getenv); errors.Is(err, stack.ErrNoMode) {
		return err
	} else if err != nil {
		return exit.Usagef("%w", err)
	}
	if err := stack.CheckProfile(p.Profile, os.Getenv); err != nil {
		return exit.Usagef("%w", err)
	}
	dir, err := a.dir()
	if err != nil {
		return err
	}
	p.Dir = dir.Path()
	if _, err := dir.Running(); !errors.Is(err, labdir.ErrNotRunning) {
		if err == nil {
			err = dir.AlreadyUp()
		}
		return err
	}
	if !p.Asked {
		return nil
	}
	port, err := stack.Reserve(p.Port, true)
	if err != nil {
		return err
	}
	return port.Close()
}

// checkEngine refuses what containers don't do: they are the platform as it is released.
func (p *plan) checkEngine() error {
	switch {
	case (p.Engine == "" || p.Engine == control.Process) && (len(p.With) > 0 || p.Attach != ""):
		return exit.Usagef("--with and --attach are for the engine %s", control.Docker)
	case p.Engine == "" || p.Engine == control.Process:
		return nil
	case p.Engine != control.Docker:
		return exit.Usagef("there is no engine %q: process or docker", p.Engine)
	case p.Profile != controls.Layered || p.Mode != stack.ModeSidecar && p.Mode != stack.ModeEnvoy:
		return exit.Usagef("containers run the profile %s in mode %s or %s, and no other: their images are built for release", controls.Layered, stack.ModeSidecar, stack.ModeEnvoy)
	case len(p.Replicas) > 0 || len(p.Delays) > 0 || p.LeaseTTL != 0 || p.NoSync:
		return exit.Usagef("--replicas, --delay, --lease-ttl and --no-sync are for the engine %s", control.Process)
	}
	if p.Attach != "" && (len(p.With) > 0 || p.Asked) {
		return exit.Usagef("--with and --port are for who starts the platform, not with --attach")
	}
	for _, name := range p.With {
		if !slices.Contains(containers.Extras(), name) {
			return exit.Usagef("there is no %q to have beside the platform: it is one of %s", name, strings.Join(containers.Extras(), ", "))
		}
	}
	if slices.Contains(p.With, containers.Grafana) && !slices.Contains(p.With, containers.Observability) {
		return exit.Usagef("Grafana draws what Prometheus and Jaeger hold: --with %s,%s", containers.Observability, containers.Grafana)
	}
	return containers.Check(context.Background())
}

// obtain gets or builds what the lab executes.
func (a *app) obtain(ctx context.Context, p *plan) error {
	if p.Engine == control.Docker {
		if p.Attach != "" {
			return nil
		}
		var with []string
		if p.Mode == stack.ModeEnvoy {
			with = append(with, p.Mode)
		}
		_, err := a.makeImages(ctx, imagePlan{with: with})
		return err
	}
	repo, cache, err := checkout()
	if err != nil {
		return err
	}
	progress := term.NewProgress(os.Stderr)
	defer progress.Close()
	p.Tools, err = cache.All(ctx, repo, progress)
	if ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

var errInterrupted = errors.New("interrupted before the lab was ready; everything is stopped")

// foreground supervises in this process until Ctrl-C or `lab down`.
func (a *app) foreground(ctx context.Context, p plan) error {
	progress := term.NewProgress(os.Stderr)
	task := progress.Task("lab", "starting")
	ready := func(status control.Status) error {
		task.End("")
		progress.Close()
		task = nil
		if err := a.announce(ctx, status); err != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, "Ctrl-C stops everything.")
		return nil
	}
	err := superviseLab(ctx, a.force, p, func(text string) { task.Say("%s", text) }, ready)
	if task != nil {
		task.End("")
		progress.Close()
	}
	return err
}
