package control_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
)

type fakeLab struct{ down chan struct{} }

func (fakeLab) Status(context.Context) control.Status {
	return control.Status{Ready: true, Components: []control.Component{{Name: "vault", PID: 7, State: "ready"}}}
}
func (fakeLab) Hold(_ context.Context, name string) error {
	if name != "payments.sidecar" {
		return exit.Usagef("there is no component %q", name)
	}
	return nil
}
func (fakeLab) Release(context.Context, string) error {
	return errors.New("it doesn't start: exit status 1")
}
func (fakeLab) BoundToken(_ context.Context, user string, scopes []string, _ string) (string, error) {
	if user != "alice" || len(scopes) != 1 {
		return "", exit.Usagef("there is no demo user %q", user)
	}
	return "token", nil
}
func (fakeLab) RotateLeaves(context.Context) (control.MeshRotation, error) {
	return control.MeshRotation{Leaves: map[string]control.Leaf{"payments.sidecar": {Serial: "7"}}}, nil
}
func (fakeLab) RotateMeshCA(context.Context) (control.MeshRotation, error) {
	return control.MeshRotation{}, errors.New("Vault is away")
}
func (fakeLab) PublishPolicy(_ context.Context, rules map[string]string) (int64, error) {
	if rules["payments.rego"] == "" {
		return 0, exit.Usagef("no rules for payments")
	}
	return 7, nil
}
func (f fakeLab) Down() { close(f.down) }

func TestControl(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "control.sock")
	ctx, cancel := context.WithCancel(t.Context())
	lab := fakeLab{make(chan struct{})}
	listening, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- control.Serve(ctx, socket, lab, func() { close(listening) }) }()
	<-listening
	info, err := os.Stat(socket)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	c := control.NewClient(socket)
	err = c.Hold(ctx, "nobody/../x")
	require.ErrorContains(t, err, `no component "nobody/../x"`)
	require.Equal(t, exit.Usage, exit.Code(err))
	err = c.Release(ctx, "vault")
	require.EqualError(t, err, "it doesn't start: exit status 1")
	require.Equal(t, exit.Failure, exit.Code(err))
	_, err = c.Token(ctx, "mallory", nil)
	require.Equal(t, exit.Usage, exit.Code(err))

	require.NoError(t, c.Hold(ctx, "payments.sidecar"))
	_, err = c.PublishPolicy(ctx, map[string]string{"other.rego": "package other"})
	require.Equal(t, exit.Usage, exit.Code(err))
	revision, err := c.PublishPolicy(ctx, map[string]string{"payments.rego": "package redoubt.payments"})
	require.NoError(t, err)
	require.EqualValues(t, 7, revision)
	token, err := c.Token(ctx, "alice", []string{"inbox:read"})
	require.NoError(t, err)
	require.Equal(t, "token", token)
	status, err := c.Status(ctx)
	require.NoError(t, err)
	require.Equal(t, 7, status.Components[0].PID)

	require.NoError(t, c.Down(ctx))
	<-lab.down
	cancel()
	require.NoError(t, <-ended)
	_, err = c.Status(t.Context())
	require.Error(t, err)
}
