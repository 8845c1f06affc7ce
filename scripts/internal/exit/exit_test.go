package exit_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/exit"
)

func TestCode(t *testing.T) {
	plain := errors.New("broken")
	require.Equal(t, exit.OK, exit.Code(nil))
	require.Equal(t, exit.Failure, exit.Code(plain))
	require.Equal(t, exit.Usage, exit.Code(exit.Usagef("no mode %q", "x")))
	require.Equal(t, exit.Usage, exit.Code(fmt.Errorf("up: %w", exit.Usagef("no mode"))))
	require.Equal(t, exit.Usage, exit.Code(exit.Mend(exit.Usagef("no mode"), "lab help up")))
	require.NoError(t, exit.Mend(nil, "lab up"))
	require.ErrorIs(t, exit.Mend(plain, "lab up"), plain)
}

func TestReport(t *testing.T) {
	for want, err := range map[string]error{
		"lab: one sentence on one line\n":                             errors.New("one sentence\n\ton one  line"),
		"lab: no lab is up\n  try: go run ./scripts/lab up\n":         exit.Mend(errors.New("no lab is up"), "lab up"),
		"lab: no PostgreSQL\n  try: sudo apt-get install labyrinth\n": exit.Mend(errors.New("no PostgreSQL"), "sudo apt-get install labyrinth"),
		"lab: no lab\n  try: go run ./scripts/lab x\n":                exit.Restored(1, "no lab", "lab x"),
	} {
		var out strings.Builder
		exit.Report(&out, "go run ./scripts/lab", err)
		require.Equal(t, want, out.String())
	}
}
