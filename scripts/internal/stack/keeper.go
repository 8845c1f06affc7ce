package stack

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"

	"redoubt.example/infra/controlplane"
	"redoubt.example/services/platform/attest"
)

// keeper keeps identity documents on disk for those who are meant to run, and only for them. An app and its
// sidecar share theirs: they go when both are to be down.
type keeper struct {
	issuer *attest.Issuer

	mu    sync.Mutex
	owner map[string]string        // component -> the instance whose documents it uses
	files map[string][]attest.File // instance -> documents
	users map[string]int           // instance -> components that are meant to run
	stop  map[string]context.CancelFunc
	out   map[string]bool // instances that get none until they are let in again
}

func newKeeper(issuer *attest.Issuer) *keeper {
	return &keeper{
		issuer: issuer, owner: map[string]string{}, files: map[string][]attest.File{},
		users: map[string]int{}, stop: map[string]context.CancelFunc{}, out: map[string]bool{},
	}
}

// keepDocuments says who gets which: a service one for Consul and one for Vault, a job only the latter; Consul
// logs in to Vault, its certificate authority, in the same way.
func (s *Stack) keepDocuments() {
	add := func(w instance, audience string) {
		uid, gid := s.Users.Of(w.name)
		s.keeper.files[w.name] = append(s.keeper.files[w.name], attest.File{
			Path: s.folder(w.name, audience+".jwt"), Subject: w.identity, Audience: audience, Instance: w.name, UID: uid, GID: gid,
		})
		s.keeper.owner[w.name] = w.name
	}
	add(instance{name: controlplane.Consul, identity: controlplane.Consul}, attest.AudienceVault)
	for _, w := range slices.Concat(s.instances, s.jobs) {
		add(w, attest.AudienceVault)
	}
	for _, w := range s.instances {
		add(w, attest.AudienceConsul)
		s.keeper.owner[w.name+sidecarSuffix] = w.name
	}
}

// want has the documents in place before it returns.
func (k *keeper) want(_ context.Context, component string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	who, ok := k.owner[component]
	if !ok {
		return nil
	}
	if k.users[who] == 0 && !k.out[who] {
		if err := k.keep(who); err != nil {
			return err
		}
	}
	k.users[who]++
	return nil
}

// keep writes an instance's documents and keeps them fresh. The caller holds mu.
func (k *keeper) keep(who string) error {
	ctx, cancel := context.WithCancel(context.Background())
	for _, file := range k.files[who] {
		if err := k.issuer.Keep(ctx, file); err != nil {
			cancel()
			return errors.Join(err, k.remove(who))
		}
	}
	k.stop[who] = cancel
	return nil
}

// drop ends what keep began. The caller holds mu.
func (k *keeper) drop(who string) {
	if stop := k.stop[who]; stop != nil {
		stop()
		delete(k.stop, who)
		_ = k.remove(who) // at worst one lies there until it expires
	}
}

// ban takes an instance's documents away and issues none until unban, however often it is started.
func (k *keeper) ban(who string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.out[who] = true
	k.drop(who)
	return nil
}

func (k *keeper) unban(who string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.out, who)
	if k.users[who] > 0 && k.stop[who] == nil {
		return k.keep(who)
	}
	return nil
}

func (k *keeper) unwant(component string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	who, ok := k.owner[component]
	if !ok {
		return
	}
	k.users[who]--
	if k.users[who] == 0 {
		k.drop(who)
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
