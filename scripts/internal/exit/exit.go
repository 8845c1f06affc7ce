// Package exit says how a verb failed: with which exit code, in one sentence, and which command mends it.
package exit

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// The lab's exit codes.
const (
	OK      = 0
	Failure = 1 // something went wrong while doing what was asked
	Usage   = 2 // what was asked makes no sense: flags, arguments, names
)

type failure struct {
	code int
	err  error
	mend string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// Usagef makes an error of bad input.
func Usagef(format string, args ...any) error {
	return &failure{code: Usage, err: fmt.Errorf(format, args...)}
}

// Restored makes an error from what another process reported of one.
func Restored(code int, message, mend string) error {
	return &failure{code: code, err: errors.New(message), mend: mend}
}

// Mend adds the command that helps to an error; nil stays nil.
func Mend(err error, command string) error {
	if err == nil {
		return nil
	}
	return &failure{code: Code(err), err: err, mend: command}
}

// Code is the exit code that an error stands for.
func Code(err error) int {
	var f *failure
	switch {
	case err == nil:
		return OK
	case errors.As(err, &f):
		return f.code
	default:
		return Failure
	}
}

// Mending returns the command that helps, or "".
func Mending(err error) string {
	var f *failure
	if errors.As(err, &f) {
		return f.mend
	}
	return ""
}

// Report prints an error as one sentence, and below it the command that mends it where one is known. A command
// that starts with "lab " is one of ours, which the person at hand calls by the name given.
func Report(w io.Writer, lab string, err error) {
	fmt.Fprintf(w, "lab: %s\n", strings.Join(strings.Fields(err.Error()), " "))
	if mend := Mending(err); mend != "" {
		if rest, ours := strings.CutPrefix(mend, "lab "); ours {
			mend = lab + " " + rest
		}
		fmt.Fprintf(w, "  try: %s\n", mend)
	}
}
