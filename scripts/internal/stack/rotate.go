package stack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"redoubt.example/scripts/internal/control"
)

const (
	leafTimeout  = 15 * time.Second // for one workload to get a leaf
	followEvery  = 100 * time.Millisecond
	followWithin = 20 * time.Second // for all to have a leaf of the new root
)

// leaf is what a data plane says of its certificate.
type leaf struct {
	Serial   string    `json:"serial"`
	Issuer   string    `json:"issuer"`
	NotAfter time.Time `json:"not_after"`
}

// RotateLeaves gives every workload that runs a new leaf certificate. One that doesn't run gets its own when it
// starts.
func (s *Stack) RotateLeaves(ctx context.Context) (control.MeshRotation, error) {
	return RotateLeaves(ctx, s.planeSockets())
}

// RotateMeshCA replaces the mesh's root and intermediate, and waits until every workload that runs has a leaf of
// the new one.
func (s *Stack) RotateMeshCA(ctx context.Context) (control.MeshRotation, error) {
	return RotateMeshCA(ctx, s.planeSockets(), s.plane.RotateMeshCA)
}

// planeSockets are where data planes are asked, by the component that each is.
func (s *Stack) planeSockets() map[string]string {
	sockets := map[string]string{}
	for _, w := range s.instances {
		sockets[s.planeOf(w)] = s.folder(w.name, "sidecar.sock")
	}
	return sockets
}

// RotateLeaves has the data planes at these sockets get new leaves; keys are components' names.
func RotateLeaves(ctx context.Context, sockets map[string]string) (control.MeshRotation, error) {
	leaves, err := eachLeaf(ctx, http.MethodPost, sockets)
	return rotation("", leaves), err
}

// RotateMeshCA has the root replaced, and waits until the data planes at these sockets have a leaf of the new one.
func RotateMeshCA(ctx context.Context, sockets map[string]string, replace func(context.Context) (root string, err error)) (control.MeshRotation, error) {
	before, err := eachLeaf(ctx, http.MethodGet, sockets)
	if err != nil {
		return control.MeshRotation{}, err
	}
	root, err := replace(ctx)
	if err != nil {
		return control.MeshRotation{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, followWithin)
	defer cancel()
	for {
		now, err := eachLeaf(ctx, http.MethodGet, sockets)
		behind := ""
		for name, l := range now {
			if was, ok := before[name]; ok && was.Issuer == l.Issuer {
				behind = name
			}
		}
		if err == nil && behind == "" {
			return rotation(root, now), nil
		}
		select {
		case <-ctx.Done():
			return rotation(root, now), errors.Join(fmt.Errorf("the new root signs, but %s still has a leaf of the old one", behind), err)
		case <-time.After(followEvery):
		}
	}
}

// eachLeaf gets (GET) or renews (POST) the leaves of all data planes that run.
func eachLeaf(ctx context.Context, method string, sockets map[string]string) (map[string]leaf, error) {
	ctx, cancel := context.WithTimeout(ctx, leafTimeout)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	leaves := map[string]leaf{}
	var errs []error
	for name, socket := range sockets {
		wg.Go(func() {
			var l leaf
			err := ask(ctx, socket, method, "/v1/leaf", &l)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				leaves[name] = l
			case !notRunning(err):
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
			}
		})
	}
	wg.Wait()
	return leaves, errors.Join(errs...)
}

func rotation(root string, leaves map[string]leaf) control.MeshRotation {
	r := control.MeshRotation{Root: root, Leaves: map[string]control.Leaf{}}
	for name, l := range leaves {
		r.Leaves[name] = control.Leaf{Serial: l.Serial, NotAfter: l.NotAfter}
	}
	return r
}
