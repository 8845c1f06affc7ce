package main

import (
	"context"
	"net/http"
	"time"

	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/exit"
	"redoubt.example/scripts/internal/responder"
	"redoubt.example/scripts/internal/stack"
)

// lab is the part of a lab's orders that the control plane carries out: tokens, API keys, policy, Vault's audit log, the
// catalog, and what is done about alerts. Containers are their engine's, and the workloads' sockets, but for the gateway's and
// sentinel's, are in no volume of the operator's.
type lab struct {
	*responder.Responder // alerts are answered here, where the rights are

	stack *stack.Stack
	end   context.CancelFunc
}

var errContainers = exit.Usagef("that is not available with containers")

// Status implements control.Lab: of what the operator sees.
func (l lab) Status(context.Context) control.Status {
	return control.Status{Engine: control.Docker, GatewayURL: l.stack.GatewayURL, CAFile: l.stack.CAFile}
}

// BoundToken implements control.Lab.
func (l lab) BoundToken(ctx context.Context, user string, scopes []string, key string) (string, error) {
	if err := l.stack.CheckUser(user, scopes); err != nil {
		return "", exit.Usagef("%w", err)
	}
	return l.stack.BoundToken(ctx, user, scopes, key)
}

// PublishPolicy implements control.Lab.
func (l lab) PublishPolicy(ctx context.Context, rules map[string]string) (int64, error) {
	revision, err := l.stack.PublishPolicy(ctx, rules)
	if err != nil {
		return 0, exit.Usagef("%w", err)
	}
	return revision, nil
}

// Audit implements control.SecretKeeper.
func (l lab) Audit(ctx context.Context, since time.Time) ([]control.SecurityEvent, error) {
	return l.stack.Audit(ctx, since)
}

// IssueAPIKey implements control.SecretKeeper.
func (l lab) IssueAPIKey(ctx context.Context, ask control.APIKeyRequest) (control.APIKey, error) {
	return l.stack.IssueAPIKey(ctx, ask)
}

// APIKeys implements control.SecretKeeper.
func (l lab) APIKeys(ctx context.Context) ([]control.APIKey, error) { return l.stack.APIKeys(ctx) }

// RotateMeshCA implements control.Lab, as far as Vault and Consul are concerned: who asks for it sees the workloads follow.
func (l lab) RotateMeshCA(ctx context.Context) (control.MeshRotation, error) {
	return l.stack.RotateMeshCA(ctx)
}

// Rotate implements control.SecretKeeper, as far as Vault and the gateway are concerned: who asks for it tells the other workloads.
func (l lab) Rotate(ctx context.Context, what, name string) ([]control.Rotated, error) {
	return l.stack.Rotate(ctx, what, name)
}

// Secrets implements control.SecretKeeper: what Vault and Consul have given out, and API keys.
func (l lab) Secrets(ctx context.Context) ([]control.Secret, error) { return l.stack.Secrets(ctx) }

// Revoke implements control.SecretKeeper.
func (l lab) Revoke(ctx context.Context, what, id string) error { return l.stack.Revoke(ctx, what, id) }

// Places implements control.Switcher.
func (l lab) Places(ctx context.Context) (control.Places, error) { return l.stack.Places(ctx) }

// Sentinel implements control.Sentry.
func (l lab) Sentinel() http.Handler { return control.SentinelAt(l.stack.Sentinel()) }

// Survey implements control.Surveyor: containers' sockets are out of sight here.
func (l lab) Survey(ctx context.Context) (control.Survey, error) { return l.stack.Survey(ctx, nil) }

// Down implements control.Lab.
func (l lab) Down() { l.end() }

// Release implements control.Lab, but for the container, which is its engine's: a service that was shut out is let in again.
func (l lab) Release(ctx context.Context, name string) error { return l.stack.LetIn(ctx, name) }

// What follows is refused.

// Hold implements control.Lab.
func (lab) Hold(context.Context, string) error { return errContainers }

// RotateLeaves implements control.Lab.
func (lab) RotateLeaves(context.Context) (done control.MeshRotation, err error) {
	return done, errContainers
}

// SwitchControls implements control.Switcher: the images are built for release, and none of their controls can be off.
func (lab) SwitchControls(context.Context, []control.Switch) (done control.Switched, err error) {
	return done, exit.Usagef("images are built for release: no control in them can be switched off")
}

// ControlsOff implements control.Switcher.
func (lab) ControlsOff() control.Switched { return control.Switched{} }
