# The public keys that verify transaction tokens, for the services that do.
package redoubt.gateway

import data.redoubt.shared

default decision := {"allow": false, "rule": "default-deny", "reason": "no rule allows this"}

decision := shared.allowed if {
	shared.permitted
	shared.owned
} else := shared.denial
