package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/labdir"
	"redoubt.example/scripts/internal/term"
	"redoubt.example/scripts/internal/tools"
)

// app is what all verbs share: the global flags, and the second Ctrl-C.
type app struct {
	path  string // --dir
	json  bool
	file  string          // -o
	force context.Context // ends with the second signal: stop without patience
	ran   bool            // a verb's own code was reached; an error before that is bad input
}

func execute(args []string) int {
	ctx, force, stop := signals()
	defer stop()
	a := &app{force: force}
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exit.OK
	}
	if !a.ran && exit.Code(err) == exit.Failure {
		err = exit.Mend(exit.Usagef("%w", err), "lab help")
	}
	exit.Report(os.Stderr, invocation(), err)
	return exit.Code(err)
}

// signals gives a context that ends with the first Ctrl-C (or SIGTERM, or a closed terminal) and one that ends with
// the second.
func signals() (ctx, force context.Context, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	force, cancelForce := context.WithCancel(context.Background())
	received := make(chan os.Signal, 2)
	signal.Notify(received, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		<-received
		cancel()
		<-received
		cancelForce()
	}()
	return ctx, force, func() { signal.Stop(received) }
}

const (
	groupStart = "start"
	groupRun   = "run"
	groupLook  = "look"
	groupBuild = "build"
)

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "lab",
		Short: "Run the platform on one machine: start it, look at it, break it, test it",
		Long: `Run the platform on one machine: start it, look at it, break it, test it.

A lab is ephemeral by design: databases, Vault and the certificate authorities are new at each start.
Exit codes: 0 all is well, 1 something failed, 2 bad usage or input.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRun: func(cmd *cobra.Command, args []string) {
			a.ran = true
			if cmd.Name() != detachedVerb && cmd.Name() != backgroundVerb {
				endWithGoRun()
			}
			a.noteVerb(cmd.CommandPath(), args)
		},
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.path, "dir", ".lab", "the lab's folder; another one is another lab")
	flags.BoolVar(&a.json, "json", false, "print JSON instead of a table")
	flags.StringVarP(&a.file, "output", "o", "", "write the result as JSON to this file, too")
	root.AddGroup(
		&cobra.Group{ID: groupStart, Title: "Start here"},
		&cobra.Group{ID: groupRun, Title: "Run"},
		&cobra.Group{ID: groupLook, Title: "Look"},
		&cobra.Group{ID: groupBuild, Title: "Build and test"},
	)
	root.SetHelpCommandGroupID(groupBuild)
	root.AddCommand(
		a.runVerb(), a.bench(), a.report(), a.up(), a.doctor(),
		a.down(), a.stop(), a.start(), a.token(), a.rotate(),
		a.status(), a.page(), a.rates(), a.trace(), a.logs(), a.alerts(), a.events(), a.incident(), a.posture(), a.policy(),
		a.test(), a.topology(), a.images(), a.release(), a.vulns(),

		a.apikey(), a.revoke(), a.respond(), a.secrets(),
		a.attack(), a.controlVerb(), a.threat(), a.load(), a.exerciseVerb(), a.interviewVerb(),
		a.supervise(), a.floodSender(),
	)
	return root
}

func (a *app) dir() (labdir.Dir, error) { return labdir.At(a.path) }

func (a *app) output() term.Output {
	return term.Output{Out: os.Stdout, JSON: a.json, File: a.file, Colour: term.Colour(os.Stdout)}
}

// running returns the lab that is up, or an error that says how to start one.
func (a *app) running() (*control.Client, labdir.Record, error) {
	dir, err := a.dir()
	if err != nil {
		return nil, labdir.Record{}, err
	}
	record, err := dir.Running()
	if errors.Is(err, labdir.ErrNotRunning) {
		err = exit.Mend(exit.Restored(exit.Failure, "no lab is up in "+a.path, ""), "lab up"+a.dirFlag())
	}
	return control.NewClient(record.Control()), record, err
}

// recovery is how long a lab that is up may take to serve again: a process that was killed is back in a second or two.
const recovery = 15 * time.Second

// ready is running for what needs a lab that serves.
func (a *app) ready(ctx context.Context) (*control.Client, labdir.Record, control.Status, error) {
	client, record, err := a.running()
	if err != nil {
		return client, record, control.Status{}, err
	}
	for until := time.Now().Add(recovery); ; {
		status, err := client.Status(ctx)
		switch {
		case err != nil || status.Ready:
			return client, record, status, err
		case time.Now().After(until):
			return client, record, status, exit.Mend(errors.New("the lab isn't ready"), "lab status"+a.dirFlag())
		}
		select {
		case <-ctx.Done():
			return client, record, status, context.Cause(ctx)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// dirFlag repeats --dir in a command that is proposed to the person.
func (a *app) dirFlag() string {
	if a.path == ".lab" {
		return ""
	}
	return " --dir " + a.path
}

// invocation is how the person called this program.
func invocation() string {
	if byGoRun() {
		return "go run ./scripts/lab"
	}
	return os.Args[0]
}

func byGoRun() bool { return strings.Contains(os.Args[0], string(filepath.Separator)+"go-build") }

// endWithGoRun has the kernel send us SIGTERM when `go run` is killed, which doesn't pass it on: whoever ends that
// command means the lab.
func endWithGoRun() {
	if byGoRun() {
		_ = unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGTERM), 0, 0, 0) // at worst `lab down` is needed
	}
}

// checkout is the repository that we are in, and the cache for what is built from it.
func checkout() (repo string, cache tools.Cache, err error) {
	if repo, err = repository(); err != nil {
		return "", tools.Cache{}, err
	}
	cache, err = tools.UserCache()
	return repo, cache, err
}

// repository finds the root of the checkout that we are in.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "infra", "topology", "topology.yaml")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("run this inside Redoubt's repository: its services are built from there")
		}
	}
}
