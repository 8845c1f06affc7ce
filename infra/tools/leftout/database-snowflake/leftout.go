// Package snowflake stands in for vault-plugin-database-snowflake.
package snowflake

import "errors"

// New makes no plugin: it says that there is none.
func New() (any, error) {
	return nil, errors.New("vault-plugin-database-snowflake is left out of this build of Vault")
}
