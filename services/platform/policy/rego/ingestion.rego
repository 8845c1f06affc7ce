# Documents: each belongs to the principal that posted it.
package redoubt.ingestion

import data.redoubt.shared

default decision := {"allow": false, "rule": "default-deny", "reason": "no rule allows this"}

decision := shared.allowed if {
	shared.permitted
	shared.owned
} else := shared.denial
