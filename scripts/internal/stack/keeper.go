package stack

import (
	"context"
	"errors"
	"os"
	"sync"

	"redoubt.example/infra/controlplane"
	"redoubt.example/services/platform/attest"
)

// keeper keeps identity documents on disk for those who are meant to run, and only for them. An app and its
// sidecar share one identity: it goes when both are to be down.
type keeper struct {
	issuer *attest.Issuer

	mu       sync.Mutex
	identity map[string]string        // component -> whose documents it uses
	files    map[string][]attest.File // identity -> documents
	users    map[string]int           // identity -> components that are meant to run
	stop     map[string]context.CancelFunc
}

func newKeeper(issuer *attest.Issuer) *keeper {
	return &keeper{
		issuer: issuer, identity: map[string]string{}, files: map[string][]attest.File{},
		users: map[string]int{}, stop: map[string]context.CancelFunc{},
	}
}

// keepDocuments says who gets which: a service one for Consul and one for Vault, a job only the latter; Consul
// logs in to Vault, its certificate authority, in the same way.
func (s *Stack) keepDocuments() {
	add := func(subject, audience string) {
		uid, gid := s.Users.Of(subject)
		s.keeper.files[subject] = append(s.keeper.files[subject], attest.File{
			Path: s.folder(subject, audience+".jwt"), Subject: subject, Audience: audience, UID: uid, GID: gid,
		})
		s.keeper.identity[subject] = subject
	}
	add(controlplane.Consul, attest.AudienceVault)
	for _, name := range s.workloads() {
		add(name, attest.AudienceVault)
	}
	for _, name := range s.topology.Names() {
		add(name, attest.AudienceConsul)
		s.keeper.identity[name+sidecarSuffix] = name
	}
}

// want has the documents in place before it returns.
func (k *keeper) want(_ context.Context, component string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	who, ok := k.identity[component]
	if !ok {
		return nil
	}
	if k.users[who] == 0 {
		ctx, cancel := context.WithCancel(context.Background())
		for _, file := range k.files[who] {
			if err := k.issuer.Keep(ctx, file); err != nil {
				cancel()
				return errors.Join(err, k.remove(who))
			}
		}
		k.stop[who] = cancel
	}
	k.users[who]++
	return nil
}

func (k *keeper) unwant(component string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	who, ok := k.identity[component]
	if !ok {
		return
	}
	k.users[who]--
	if k.users[who] == 0 {
		k.stop[who]()
		_ = k.remove(who) // at worst one lies there until it expires
	}
}

func (k *keeper) remove(who string) error {
	var errs []error
	for _, file := range k.files[who] {
		if err := os.Remove(file.Path); !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
