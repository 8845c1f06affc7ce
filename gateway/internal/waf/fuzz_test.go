package waf

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzRules: the parser of rules meets only the rule set's own files; a new version's may not make it panic.
func FuzzRules(f *testing.F) {
	f.Add("SecRule ARGS|!ARGS:x \"@rx a\\\"b\" \"id:1,phase:2,t:none,setvar:'tx.x=1,2',chain\"\nSecRule TX:1 \"!@eq 1\" \"t:none\"")
	f.Add("SecAction \"id:2,pass\"\nSecMarker \"END\"\nSecRule &ARGS \"@gt 1\" \\\n \"id:3,skip:1\"")
	f.Fuzz(func(t *testing.T, text string) {
		rules, err := parseRules(text)
		if err != nil {
			return
		}
		for _, r := range prune(rules) {
			r.fusible()
			r.group()
			new(screen).keep(r)
		}
	})
}

// FuzzPolicy: what is read as an exception says which route, and how.
func FuzzPolicy(f *testing.F) {
	f.Add("POST /v1/documents=detect")
	f.Add("GET /a=block:2")
	f.Fuzz(func(t *testing.T, exception string) {
		p, err := ParsePolicy("block", 1, []string{exception})
		if err != nil {
			return
		}
		require.Len(t, p.Routes, 1)
		for _, s := range p.Routes {
			require.Contains(t, []Mode{Off, Detect, Block}, s.Mode)
			require.True(t, s.Level >= 1 && s.Level <= Levels)
		}
	})
}
