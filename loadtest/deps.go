//go:build deps

package deps

import (
	_ "github.com/stretchr/testify/require"
	_ "golang.org/x/sys/unix"
)
