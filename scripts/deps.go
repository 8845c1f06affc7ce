//go:build deps

package deps

import (
	_ "github.com/spf13/cobra"
	_ "github.com/hashicorp/hc-install"
	_ "github.com/hashicorp/hc-install/releases"
	_ "github.com/hashicorp/hc-install/product"
	_ "golang.org/x/term"
	_ "github.com/hashicorp/consul/api"
	_ "github.com/hashicorp/vault/api"
	_ "github.com/stretchr/testify/require"
	_ "golang.org/x/sync/errgroup"
	_ "golang.org/x/sys/unix"
	_ "github.com/hashicorp/go-version"
	_ "github.com/prometheus/common/expfmt"
	_ "github.com/jackc/pgx/v5"
)
