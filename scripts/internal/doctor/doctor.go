// Package doctor looks at a machine and says what a lab would miss there.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/hashicorp/go-version"
	"golang.org/x/sys/unix"

	"redoubt.example/scripts/internal/procfs"
	"redoubt.example/scripts/internal/tools"
)

// State is what a check comes to.
type State string

const (
	OK      State = "ok"
	Obtain  State = "will be obtained" // the lab gets it by itself
	Note    State = "note"             // good to know
	Missing State = "missing"          // needed, and up to the person
)

// Check is one finding.
type Check struct {
	Name   string `json:"name"`
	State  State  `json:"state"`
	Detail string `json:"detail"`
	Mend   string `json:"mend,omitempty"` // the command that helps
}

// Machine is what to look at.
type Machine struct {
	Repo  string
	Cache tools.Cache
	Port  int // the gateway's
}

// Checks looks at everything, side by side, and returns what it found in a fixed order.
func (m Machine) Checks(ctx context.Context) []Check {
	all := []func(context.Context) Check{
		linux,
		goToolchain,
		func(ctx context.Context) Check { return m.tool(ctx, tools.Consul) },
		func(ctx context.Context) Check { return m.tool(ctx, tools.Vault) },
		postgres,
		m.k6,
		m.port,
		m.disk,
		memory,
		proc,
		isolation,
		docker,
		raceDetector,
	}
	found := make([]Check, len(all))
	var wg sync.WaitGroup
	for i, check := range all {
		wg.Go(func() { found[i] = check(ctx) })
	}
	wg.Wait()
	return found
}

// oldestLinux wakes an epoll instance once when another one in it has become readable, and not for as long as that is (see
// services/platform/mesh/internal/unixsock): before, each sidecar would keep a processor busy.
var oldestLinux = version.Must(version.NewVersion("5.6"))

func linux(context.Context) Check {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return Check{Name: "linux", State: Missing, Detail: err.Error()}
	}
	return linuxRelease(unix.ByteSliceToString(name.Release[:]))
}

func linuxRelease(release string) Check {
	number := release
	if i := strings.IndexFunc(release, func(r rune) bool { return r != '.' && (r < '0' || r > '9') }); i >= 0 { // what a distribution adds
		number = release[:i]
	}
	v, err := version.NewVersion(strings.TrimRight(number, "."))
	switch {
	case err != nil:
		return Check{Name: "linux", State: Note, Detail: fmt.Sprintf("%s: unknown; %s or newer is needed", release, oldestLinux)}
	case v.LessThan(oldestLinux):
		return Check{Name: "linux", State: Missing, Detail: fmt.Sprintf("%s is too old: %s or newer", release, oldestLinux), Mend: "another machine, or a newer kernel"}
	}
	return Check{Name: "linux", State: OK, Detail: release}
}

var oldestGo = version.Must(version.NewVersion("1.26.7"))

func goToolchain(ctx context.Context) Check {
	c := Check{Name: "go", State: Missing, Mend: "see https://go.dev/doc/install"}
	out, err := exec.CommandContext(ctx, "go", "env", "GOVERSION").Output()
	if err != nil {
		c.Detail = "the go command isn't on PATH"
		return c
	}
	v, err := version.NewVersion(strings.TrimPrefix(strings.TrimSpace(string(out)), "go"))
	if err != nil || v.LessThan(oldestGo) {
		c.Detail = fmt.Sprintf("%s is too old: %s or newer", strings.TrimSpace(string(out)), oldestGo)
		return c
	}
	return Check{Name: "go", State: OK, Detail: v.String()}
}

func (m Machine) tool(ctx context.Context, t tools.Tool) Check {
	found, err := m.Cache.Find(ctx, t)
	if err == nil {
		return Check{Name: t.Name, State: OK, Detail: fmt.Sprintf("%s, from the %s: %s", found.Version, found.Where, found.Path)}
	}
	return Check{Name: t.Name, State: Obtain, Detail: fmt.Sprintf("%v; release %s is downloaded, or built in %.0f min",
		err, t.Pinned, t.Builds.Minutes())}
}

func postgres(ctx context.Context) Check {
	found, err := tools.FindPostgres(ctx)
	switch {
	case err == nil:
		return Check{Name: "postgresql", State: OK, Detail: fmt.Sprintf("%s: %s", found.Version, found.Path)}
	case tools.CanInstall():
		return Check{Name: "postgresql", State: Obtain, Detail: fmt.Sprintf("%v; apt-get will install it (about 1 min)", err)}
	default:
		return Check{Name: "postgresql", State: Missing, Detail: fmt.Sprintf("%v; 14 or newer is needed", err), Mend: tools.PostgresCommand}
	}
}

func (m Machine) k6(context.Context) Check {
	bin, err := m.Cache.Bin(m.Repo)
	if err == nil {
		path := filepath.Join(bin, "k6")
		if _, err = os.Stat(path); err == nil {
			return Check{Name: "k6", State: OK, Detail: "ours, built: " + path}
		}
	}
	if !errors.Is(err, os.ErrNotExist) {
		return Check{Name: "k6", State: Missing, Detail: err.Error()}
	}
	return Check{Name: "k6", State: Obtain, Detail: "ours; will be built from loadtest/k6 (about 2 min)"}
}

func proc(context.Context) Check {
	if procfs.Memory(os.Getpid()) == 0 {
		return Check{Name: "/proc", State: Note, Detail: "smaps_rollup can't be read: memory figures will be missing"}
	}
	return Check{Name: "/proc", State: OK, Detail: "memory can be measured"}
}

func isolation(context.Context) Check {
	if os.Geteuid() == 0 {
		return Check{Name: "isolation", State: OK, Detail: "root: each workload gets a user of its own"}
	}
	return Check{Name: "isolation", State: Note, Detail: "not root: all workloads run as you, not isolated from each other"}
}

func docker(context.Context) Check {
	if path, err := exec.LookPath("docker"); err == nil {
		return Check{Name: "docker", State: Note, Detail: path + "; the lab doesn't need it"}
	}
	return Check{Name: "docker", State: Note, Detail: "not there; the lab doesn't need it"}
}

func raceDetector(context.Context) Check {
	if HasC() {
		return Check{Name: "C compiler", State: OK, Detail: "`lab test` can use the race detector"}
	}
	return Check{Name: "C compiler", State: Note, Detail: "not there: `lab test` runs without the race detector", Mend: "sudo apt-get install gcc libc6-dev"}
}

// HasC tells whether there is a C compiler, which Go's race detector links with.
func HasC() bool {
	for _, name := range []string{"gcc", "clang", "cc"} {
		if _, err := exec.LookPath(name); err == nil {
			return true
		}
	}
	return false
}
