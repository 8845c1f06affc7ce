package suite

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLongestTestsAreNamed(t *testing.T) {
	var p Part
	p.collect(`{"Action":"pass","Package":"e2e","Test":"TestQuick","Elapsed":1.5}
{"Action":"pass","Package":"e2e","Test":"TestSlow","Elapsed":31}
{"Action":"pass","Package":"e2e","Test":"TestSlower/part","Elapsed":90}
{"Action":"pass","Package":"e2e","Test":"TestSlower","Elapsed":95.2}
`)
	require.Equal(t, []Timing{{"TestSlower", 95.2}, {"TestSlow", 31}}, p.Slowest)
	require.Equal(t, "; longest: TestSlower 1m35s, TestSlow 31.0 s", longest(p.Slowest))
}
