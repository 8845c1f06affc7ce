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
	leaves, err := s.eachLeaf(ctx, http.MethodPost)
	return rotation("", leaves), err
}

// RotateMeshCA replaces the mesh's root and intermediate, and waits until every workload that runs has a leaf of
// the new one.
func (s *Stack) RotateMeshCA(ctx context.Context) (control.MeshRotation, error) {
	before, err := s.eachLeaf(ctx, http.MethodGet)
	if err != nil {
		return control.MeshRotation{}, err
	}
	root, err := s.plane.RotateMeshCA(ctx)
	if err != nil {
		return control.MeshRotation{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, followWithin)
	defer cancel()
	for {
		now, err := s.eachLeaf(ctx, http.MethodGet)
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

// eachLeaf gets (GET) or renews (POST) the leaves of all workloads that run, by the component that holds them.
func (s *Stack) eachLeaf(ctx context.Context, method string) (map[string]leaf, error) {
	ctx, cancel := context.WithTimeout(ctx, leafTimeout)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	leaves := map[string]leaf{}
	var errs []error
	for _, w := range s.instances {
		wg.Go(func() {
			var l leaf
			err := ask(ctx, s.folder(w.name, "sidecar.sock"), method, "/v1/leaf", &l)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				leaves[s.planeOf(w)] = l
			case !notRunning(err):
				errs = append(errs, fmt.Errorf("%s: %w", s.planeOf(w), err))
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
