# Models are read by inference alone, for no principal.
package redoubt.modelstore

import data.redoubt.shared

default decision := {"allow": false, "rule": "default-deny", "reason": "no rule allows this"}

decision := shared.allowed if {
	shared.permitted
	shared.owned
} else := shared.denial
