package stack

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"redoubt.example/infra/topology"
)

func topologyFile(runDir string) string { return filepath.Join(runDir, "topology.yaml") }

// InForce is the topology by which a lab's layers decide: the platform's, or an exercise's while one is in place. runDir is the lab's
// runtime folder.
func InForce(runDir string) (*topology.Topology, error) {
	text, err := os.ReadFile(topologyFile(runDir))
	if errors.Is(err, fs.ErrNotExist) {
		return topology.Load()
	}
	if err != nil {
		return nil, err
	}
	return topology.Parse(text)
}

// noteTopology keeps an exercise's topology for InForce; with an empty text the platform's is in force again.
func noteTopology(runDir, text string) error {
	if text == "" {
		err := os.Remove(topologyFile(runDir))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	return os.WriteFile(topologyFile(runDir), []byte(text), 0o600)
}
