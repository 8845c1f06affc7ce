package render

import (
	"maps"
	"slices"
)

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func contains(all []string, one string) bool { return slices.Contains(all, one) }
