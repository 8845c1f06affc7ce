package mesh

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Failure is how the other side, or the kernel, refused. Both are empty where nothing did.
type Failure struct {
	Error string `js:"error"`
	Errno string `js:"errno"` // ECONNREFUSED, EACCES, ..., EOF, TIMEOUT or TLS
}

// failed sorts an error: ours is returned and becomes an exception, theirs is kept as a result.
func failed(err error, into *Failure) error {
	var own *refusal
	if err == nil || errors.As(err, &own) {
		return err
	}
	into.Error, into.Errno = err.Error(), errno(err)
	return nil
}

func errno(err error) string {
	var number syscall.Errno
	var timeout net.Error
	switch {
	case errors.As(err, &number):
		return unix.ErrnoName(number)
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		return "TIMEOUT"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "EOF"
	case strings.Contains(err.Error(), "tls: "), strings.Contains(err.Error(), "x509: "):
		return "TLS"
	}
	return ""
}
