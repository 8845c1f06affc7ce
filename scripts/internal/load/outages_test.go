package load_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/k6"
	"redoubt.example/scripts/internal/load"
)

// servers note what is done to them.
type servers struct {
	said []string
	fail error
}

func (s *servers) Hold(_ context.Context, name string) error {
	s.said = append(s.said, "-"+name)
	return s.fail
}

func (s *servers) Release(ctx context.Context, name string) error {
	s.said = append(s.said, "+"+name)
	return ctx.Err()
}

func TestOutages(t *testing.T) {
	two := load.Outages{Components: []string{"consul", "vault"}, Each: time.Minute}
	synctest.Test(t, func(t *testing.T) {
		s := &servers{}
		done, err := two.Run(t.Context(), s, func(string) {})
		require.NoError(t, err)
		require.Equal(t, []string{"-consul", "+consul", "-vault", "+vault"}, s.said)
		require.Equal(t, []load.Outage{{"consul", 10, 70}, {"vault", 80, 140}}, done)
		require.Equal(t, 150*time.Second, two.Needs())
	})
	synctest.Test(t, func(t *testing.T) { // nothing stays stopped
		for _, s := range []*servers{{}, {fail: errors.New("no such component")}} {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			_, err := two.Run(ctx, s, func(string) {})
			cancel()
			require.Error(t, err)
			require.Equal(t, []string{"-consul", "+consul"}, s.said)
		}
	})
}

func TestWhatFailsARunWithOutages(t *testing.T) {
	one := load.Outages{Components: []string{"consul"}, Each: time.Minute}
	whole := []load.Outage{{"consul", 10, 70}}
	for name, c := range map[string]struct {
		done    []load.Outage
		client  k6.Summary
		problem string
	}{
		"one request of many": {whole, k6.Summary{Requests: 9000, Failed: 1}, "1 of k6's 9000 requests failed"},
		"nothing sent":        {whole, k6.Summary{}, "no request"},
		"no outage":           {nil, k6.Summary{Requests: 9}, "before the last outage did"},
		"it ended before":     {[]load.Outage{{"consul", 10, 81}}, k6.Summary{Requests: 9}, "before the last outage did"},
		"all is well":         {whole, k6.Summary{Requests: 9, Crossed: []string{"http_req_duration: p(99)<1000"}}, ""},
	} {
		problems := one.Judge(c.done, 80, c.client)
		if c.problem == "" {
			require.Empty(t, problems, name)
			continue
		}
		require.Len(t, problems, 1, name)
		require.Contains(t, problems[0], c.problem, name)
	}
}
