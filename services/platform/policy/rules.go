package policy

import (
	"embed"
	"fmt"
	"path"
	"strings"
)

//go:embed rego/*.rego
var sources embed.FS

// Rules returns the rule files that are compiled into this program, by name. Tests are no part of a policy.
func Rules() (map[string]string, error) { return embedded(false) }

// RuleTests returns the tests that come with Rules.
func RuleTests() (map[string]string, error) { return embedded(true) }

func embedded(tests bool) (map[string]string, error) {
	entries, err := sources.ReadDir("rego")
	if err != nil {
		return nil, fmt.Errorf("read policy: %w", err)
	}
	files := make(map[string]string, len(entries))
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), testSuffix) != tests {
			continue
		}
		text, err := sources.ReadFile(path.Join("rego", e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read policy: %w", err)
		}
		files[e.Name()] = string(text)
	}
	return files, nil
}

const testSuffix = "_test.rego"
