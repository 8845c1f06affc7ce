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

// Report prints an error as one sentence, and below it the command that mends it where one is known.
func Report(w io.Writer, err error) {
	sentence := strings.Join(strings.Fields(err.Error()), " ")
	fmt.Fprintf(w, "lab: %s\n", sentence)
	var f *failure
	if errors.As(err, &f) && f.mend != "" {
		fmt.Fprintf(w, "  try: %s\n", f.mend)
	}
}
