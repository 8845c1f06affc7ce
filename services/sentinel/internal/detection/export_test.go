package detection

import (
	"context"

	"redoubt.example/services/platform/event"
)

// Matched tells whether one of the rules' detections matches an event.
func (s *Rules) Matched(e *event.Event) bool {
	matched, _ := s.matches(context.Background(), e)
	return len(matched) > 0
}

// Correlated tells whether a rule is a correlation.
func (r *Rule) Correlated() bool { return r.combine != nil }
