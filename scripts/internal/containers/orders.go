package containers

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"time"
)

// ErrUnknown is the refusal of a service that docker-compose.yml doesn't have.
var ErrUnknown = errors.New("there is no such container")

// Stop stops a service's container, which stays stopped until Start.
func (p *Platform) Stop(ctx context.Context, service string) error {
	return p.order(ctx, "stop", service)
}

// Start starts a service's container again.
func (p *Platform) Start(ctx context.Context, service string) error {
	return p.order(ctx, "start", service)
}

func (p *Platform) order(ctx context.Context, verb, service string) error {
	c, err := p.Find(ctx, service)
	if err != nil {
		return err
	}
	_, err = run(ctx, nil, nil, "docker", verb, c.ID)
	return err
}

// Read returns a file of a service's container.
func (p *Platform) Read(ctx context.Context, service, path string) ([]byte, error) {
	c, err := p.Find(ctx, service)
	if err != nil {
		return nil, err
	}
	archive, err := run(ctx, nil, nil, "docker", "cp", c.ID+":"+path, "-")
	if err != nil {
		return nil, err
	}
	files := tar.NewReader(bytes.NewReader([]byte(archive)))
	if _, err := files.Next(); err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", path, service, err)
	}
	return io.ReadAll(files)
}

// Dial runs a program in a service's container whose standard input and output are the connection.
func (p *Platform) Dial(ctx context.Context, service string, command ...string) (net.Conn, error) {
	c, err := p.Find(ctx, service)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("docker", append([]string{"exec", "--interactive", c.ID}, command...)...) // it outlives the call that dials
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("docker exec: %w", err)
	}
	return &pipe{Reader: out, Writer: in, cmd: cmd}, nil
}

// pipe is a connection by a child process. It has no deadlines: who uses it gives up by closing it.
type pipe struct {
	io.Reader
	io.Writer
	cmd *exec.Cmd
}

type pipeAddr struct{}

func (pipeAddr) Network() string { return "exec" }
func (pipeAddr) String() string  { return "docker exec" }

func (c *pipe) Close() error {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait() // killed, as it ought to be
	return nil
}

func (c *pipe) LocalAddr() net.Addr              { return pipeAddr{} }
func (c *pipe) RemoteAddr() net.Addr             { return pipeAddr{} }
func (c *pipe) SetDeadline(time.Time) error      { return nil }
func (c *pipe) SetReadDeadline(time.Time) error  { return nil }
func (c *pipe) SetWriteDeadline(time.Time) error { return nil }
