package main

import (
	"context"
	"time"

	"redoubt.example/scripts/internal/control"
)

// Secrets implements control.SecretKeeper.
func (l *runningLab) Secrets(ctx context.Context) ([]control.Secret, error) {
	return l.stack.Secrets(ctx)
}

// Audit implements control.SecretKeeper.
func (l *runningLab) Audit(ctx context.Context, since time.Time) ([]control.SecurityEvent, error) {
	return l.stack.Audit(ctx, since)
}

// Rotate implements control.SecretKeeper.
func (l *runningLab) Rotate(ctx context.Context, what, name string) ([]control.Rotated, error) {
	return l.stack.Rotate(ctx, what, name)
}

// Revoke implements control.SecretKeeper.
func (l *runningLab) Revoke(ctx context.Context, what, id string) error {
	return l.stack.Revoke(ctx, what, id)
}

// IssueAPIKey implements control.SecretKeeper.
func (l *runningLab) IssueAPIKey(ctx context.Context, ask control.APIKeyRequest) (control.APIKey, error) {
	return l.stack.IssueAPIKey(ctx, ask)
}

// APIKeys implements control.SecretKeeper.
func (l *runningLab) APIKeys(ctx context.Context) ([]control.APIKey, error) {
	return l.stack.APIKeys(ctx)
}
