package threats_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/controls"
)

// TestTheMatrixIsTrue: matrix.md has each control once, and says of each row what the profiles say.
func TestTheMatrixIsTrue(t *testing.T) {
	raw, err := os.ReadFile("../../../threatmodel/matrix.md")
	require.NoError(t, err)
	id := regexp.MustCompile("`([a-z]+\\.[a-z.-]+)`")
	listed := map[string]int{}
	for line := range strings.Lines(string(raw)) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if len(cells) != 5 || !strings.Contains(cells[1], "`") {
			continue
		}
		for column, name := range []string{"gateway-only", "mesh-only", "library"} {
			profile, err := controls.LookupProfile(name)
			require.NoError(t, err)
			on, all := 0, 0
			for _, m := range id.FindAllStringSubmatch(cells[1], -1) {
				c, ok := controls.Lookup(m[1])
				require.True(t, ok, "there is no control %s", m[1])
				if all++; profile.Has(c.ID) {
					on++
				}
				if column == 0 {
					listed[c.ID]++
				}
			}
			want := "in part"
			if on == 0 {
				want = "no"
			} else if on == all {
				want = "yes"
			}
			require.Equal(t, want, strings.Trim(cells[2+column], " |"), "%s, %s", cells[0], name)
		}
	}
	for _, c := range controls.All() {
		require.Equal(t, 1, listed[c.ID], "%s", c.ID)
	}
}
