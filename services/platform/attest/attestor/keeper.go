package main

import (
	"context"
	"errors"
	"os"
	"sync"

	"redoubt.example/services/platform/attest"
)

// keeper keeps each workload's documents fresh in that workload's volume, but for those from whom they are withheld.
type keeper struct {
	issuer *attest.Issuer
	files  map[string][]attest.File // by workload; not changed once it serves

	mu   sync.Mutex
	stop map[string]context.CancelFunc // of those who get theirs
}

func newKeeper(issuer *attest.Issuer) *keeper {
	return &keeper{issuer: issuer, files: map[string][]attest.File{}, stop: map[string]context.CancelFunc{}}
}

var errUnknown = errors.New("there is no such workload")

// give has a workload's documents in place when it returns, and keeps them fresh until they are withheld.
func (k *keeper) give(workload string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	files, ok := k.files[workload]
	if !ok {
		return errUnknown
	}
	if k.stop[workload] != nil {
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	for _, file := range files {
		if err := k.issuer.Keep(ctx, file); err != nil {
			cancel()
			return errors.Join(err, remove(files))
		}
	}
	k.stop[workload] = cancel
	return nil
}

// withhold takes a workload's documents away, and issues it none until give. One that was read before is good for the rest of its two
// minutes: who shuts a workload out ends its logins and forbids new ones, too.
func (k *keeper) withhold(workload string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	files, ok := k.files[workload]
	if !ok {
		return errUnknown
	}
	if stop := k.stop[workload]; stop != nil {
		stop()
		delete(k.stop, workload)
	}
	return remove(files)
}

func remove(files []attest.File) error {
	var errs []error
	for _, file := range files {
		if err := os.Remove(file.Path); !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
