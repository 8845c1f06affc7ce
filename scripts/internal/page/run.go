package page

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Answer is what became of a verb, as the page's scripts get it.
type Answer struct {
	Command string          `json:"command"` // as a person types it
	Code    int             `json:"code"`
	Result  json.RawMessage `json:"result"` // what --json printed; null where that is nothing
	Error   string          `json:"error,omitempty"`
	Try     string          `json:"try,omitempty"`
}

// Call is a verb to run.
type Call struct {
	Args  []string
	Stdin string
	Most  time.Duration // it is stopped afterwards
	Drawn bool          // a view is drawn with what it says: nobody asked for it by name
}

// Run runs a verb with --json. Whoever waits no longer doesn't stop it.
type Run func(ctx context.Context, c Call) Answer

// Drawn is set in the environment of a verb that a view is drawn with: it is no step of a person's, and in no timeline.
const Drawn = "LAB_DRAWN"

// patience is how long a verb that was told to stop may take to clean up.
const patience = 20 * time.Second

const mostOutput = 16 << 20

// Program runs verbs of the command line program at a path, for the lab of a folder, each as a process that ends with the lab at
// the latest: a verb that goes wrong takes nothing of the supervisor with it. typed makes of a verb what a person types.
func Program(lab context.Context, path, dir string, typed func(verb string) string) Run {
	return func(_ context.Context, c Call) Answer {
		ctx, cancel := context.WithTimeout(lab, c.Most)
		defer cancel()
		cmd := exec.CommandContext(ctx, path, append(slices.Clone(c.Args), "--json", "--dir", dir)...)
		cmd.Env = os.Environ()
		if c.Drawn {
			cmd.Env = append(cmd.Env, Drawn+"=1")
		}
		cmd.Args[0] = "lab"
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
		cmd.WaitDelay = patience
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C in the lab's terminal is the supervisor's: it tells us by ctx
		var out, said bounded
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(c.Stdin), &out, &said
		err := cmd.Run()
		a := Answer{Command: typed(quoted(c.Args))}
		if json.Valid(out.Bytes()) {
			a.Result = out.Bytes()
		}
		a.Error, a.Try = complaint(said.String(), dir, typed)
		var ended *exec.ExitError
		switch {
		case ctx.Err() != nil:
			a.Code, a.Error = 1, "it took too long, and was stopped"
		case errors.As(err, &ended):
			a.Code = ended.ExitCode()
		case err != nil:
			a.Code, a.Error = 1, "the verb can't be run: "+err.Error()
		default:
			a.Error, a.Try = "", ""
		}
		return a
	}
}

// complaint is the sentence by which a verb failed, and the command that mends it: the last that package exit reported.
func complaint(said, dir string, typed func(string) string) (sentence, try string) {
	for line := range strings.Lines(said) {
		line = strings.TrimRight(line, "\r\n")
		if rest, ok := strings.CutPrefix(line, "lab: "); ok {
			sentence, try = rest, ""
		}
		if rest, ok := strings.CutPrefix(line, "  try: "); ok {
			try = rest
			if rest, ours := strings.CutPrefix(rest, "lab "); ours {
				try = typed(strings.TrimSuffix(rest, " --dir "+dir))
			}
		}
	}
	return sentence, try
}

func quoted(args []string) string {
	all := make([]string, len(args))
	for i, a := range args {
		all[i] = a
		if strings.ContainsAny(a, ` ?&*;|<>()$'"`) {
			all[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return strings.Join(all, " ")
}

// bounded keeps the beginning of what is written to it.
type bounded struct{ bytes.Buffer }

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	_, _ = b.Buffer.Write(p[:min(len(p), max(0, mostOutput-b.Len()))]) // it never fails: bytes.Buffer
	return len(p), nil
}
