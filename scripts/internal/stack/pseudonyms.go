package stack

import (
	"context"

	"redoubt.example/services/platform/pseudonym"
)

// Pseudonyms are the names that principals and access tokens have in events, as the gateway gives them.
func (s *Stack) Pseudonyms(ctx context.Context) (*pseudonym.Names, error) {
	key, _, err := s.plane.Pepper(ctx, pseudonym.Key, pseudonym.Purpose, pseudonym.Version)
	if err != nil {
		return nil, err
	}
	return pseudonym.New(key), nil
}
