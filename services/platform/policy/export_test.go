package policy

import (
	"maps"
	"slices"
)

// Capabilities is what the rules may use, for the test that nothing dangerous is among it.
var Capabilities = capabilities

// Unfolded names the modules that allow is made of once it is evaluated in advance.
func (d *Decider) Unfolded() []string {
	return slices.Sorted(maps.Keys(d.current.Load().allow.compiler.Modules))
}
