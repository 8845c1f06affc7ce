package page

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
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

// Run runs a verb with --json, for so long at most. Whoever waits no longer doesn't stop it.
type Run func(ctx context.Context, most time.Duration, stdin string, args ...string) Answer

// patience is how long a verb that was told to stop may take to clean up.
const patience = 20 * time.Second

const mostOutput = 16 << 20

// Program runs verbs of the command line program at a path, for the lab of a folder, each as a process that ends with the lab at
// the latest: a verb that goes wrong takes nothing of the supervisor with it.
func Program(lab context.Context, path, dir, called string) Run {
	return func(_ context.Context, most time.Duration, stdin string, args ...string) Answer {
		ctx, cancel := context.WithTimeout(lab, most)
		defer cancel()
		cmd := exec.CommandContext(ctx, path, append(args, "--json", "--dir", dir)...)
		cmd.Args[0] = "lab"
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
		cmd.WaitDelay = patience
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C in the lab's terminal is the supervisor's: it tells us by ctx
		var out, said bounded
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &said
		err := cmd.Run()
		a := Answer{Command: called + " " + quoted(args)}
		if json.Valid(out.Bytes()) {
			a.Result = out.Bytes()
		}
		a.Error, a.Try = complaint(said.String(), called)
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
func complaint(said, called string) (sentence, try string) {
	for line := range strings.Lines(said) {
		line = strings.TrimRight(line, "\r\n")
		if rest, ok := strings.CutPrefix(line, "lab: "); ok {
			sentence, try = rest, ""
		}
		if rest, ok := strings.CutPrefix(line, "  try: "); ok {
			try = rest
			if rest, ours := strings.CutPrefix(rest, "lab "); ours {
				try = called + " " + rest
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
