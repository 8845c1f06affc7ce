# The public keys that verify transaction tokens, for the services that do.
package redoubt.gateway

import data.redoubt.shared

allow := "route-allowed" if shared.admitted

denial := shared.denial
