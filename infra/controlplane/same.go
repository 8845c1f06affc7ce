package controlplane

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// same tells whether a server gives back what it was told. Vault answers durations in seconds and numbers as texts, and both
// add fields of their own to objects.
func same(told, answered any) bool {
	switch told := told.(type) {
	case map[string]any:
		have, ok := answered.(map[string]any)
		for key, v := range told {
			ok = ok && same(v, have[key])
		}
		return ok
	case map[string]string:
		have, ok := answered.(map[string]any)
		for key, v := range told {
			ok = ok && same(v, have[key])
		}
		return ok && len(have) == len(told)
	case []any, []string:
		return slices.Equal(sortedTexts(told), sortedTexts(answered))
	case string:
		if length, err := time.ParseDuration(told); err == nil && fmt.Sprint(answered) == fmt.Sprint(int64(length.Seconds())) {
			return true
		}
		return strings.TrimSpace(told) == strings.TrimSpace(fmt.Sprint(answered))
	case nil:
		return true
	}
	return fmt.Sprint(told) == fmt.Sprint(answered)
}

func sortedTexts(list any) (all []string) {
	switch list := list.(type) {
	case []any:
		for _, v := range list {
			all = append(all, strings.TrimSpace(fmt.Sprint(v)))
		}
	case []string:
		for _, v := range list {
			all = append(all, strings.TrimSpace(v))
		}
	}
	slices.Sort(all)
	return all
}
