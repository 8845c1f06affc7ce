package stack

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"redoubt.example/threatmodel"
)

// RulesDir is the folder of the Sigma rules below a lab's runtime folder. Everybody may read them, as everybody may in the
// repository; nobody but who runs the lab may write there.
func RulesDir(runDir string) string { return filepath.Join(runDir, "detections") }

// publishDetections puts the threat model's rules where sentinel reads them: it can't import them, no service imports the
// threat model. A rule can thus be changed without building a service: other are those that say something else, by name.
func publishDetections(dir string, other map[string]string) error {
	rules := threatmodel.Rules()
	names, err := fs.Glob(rules, "*/rule.yml")
	if err != nil {
		return fmt.Errorf("publish rules: %w", err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(rules, name)
		if changed, ok := other[path.Dir(name)]; ok {
			text = []byte(changed)
		}
		if err == nil {
			err = os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o644)
		}
		if err != nil {
			return fmt.Errorf("publish rules: %w", err)
		}
	}
	return nil
}
