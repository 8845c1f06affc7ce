package sentinel_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/sentinel"
	"redoubt.example/services/platform/alert"
)

func TestVigil(t *testing.T) {
	noon := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	type look struct {
		second int
		events uint64
		silent []string
		away   bool
	}
	for name, c := range map[string]struct {
		looks []look
		want  string
	}{
		"events come in":        {[]look{{0, 1, nil, false}, {40, 9, nil, false}, {80, 12, nil, false}}, ""},
		"a restart":             {[]look{{0, 900, nil, false}, {5, 0, nil, true}, {10, 3, nil, false}, {30, 20, nil, false}}, ""},
		"nothing for a while":   {[]look{{0, 7, nil, false}, {29, 7, nil, false}}, ""},
		"nothing any more":      {[]look{{0, 7, nil, false}, {30, 7, nil, false}}, "sentinel gets no events, for 30s now"},
		"no answer for a while": {[]look{{0, 7, nil, false}, {29, 0, nil, true}}, ""},
		"no answer any more":    {[]look{{0, 7, nil, false}, {30, 0, nil, true}}, "sentinel doesn't answer, and finds nothing, for 30s now"},
		"no answer ever":        {[]look{{0, 0, nil, true}, {31, 0, nil, true}}, "sentinel doesn't answer, and finds nothing, for 31s now"},
		"it comes back":         {[]look{{0, 7, nil, false}, {30, 0, nil, true}, {35, 8, nil, false}}, ""},
		"a workload is silent":  {[]look{{0, 7, []string{"payments"}, false}}, "payments reports nothing to sentinel"},
	} {
		var v sentinel.Vigil
		for _, l := range c.looks {
			var err error
			if l.away {
				err = sentinel.ErrAway
			}
			v.Note(alert.Health{Events: l.events, Silent: l.silent}, err, noon.Add(time.Duration(l.second)*time.Second))
		}
		require.Equal(t, c.want, strings.Join(v.Reasons(), "; "), name)
	}
}
