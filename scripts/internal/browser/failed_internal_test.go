package browser

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// A page that gives way to another while it is asked is waited for; any other failure ends the wait.
func TestFailed(t *testing.T) {
	gone := failed("Runtime.evaluate", json.RawMessage(`{"code":-32000,"message":"Inspected target navigated or closed"}`))
	require.ErrorIs(t, gone, errElsewhere)
	require.ErrorContains(t, gone, "Runtime.evaluate")
	other := failed("Runtime.evaluate", json.RawMessage(`{"code":-32000,"message":"Object reference chain is too long"}`))
	require.NotErrorIs(t, other, errElsewhere)
	require.ErrorContains(t, other, "too long")
}
