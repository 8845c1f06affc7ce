# Messages and webhook endpoints belong to a principal; a caller notifies nobody but the token's.
package redoubt.notification

import data.redoubt.shared

default decision := {"allow": false, "rule": "default-deny", "reason": "no rule allows this"}

decision := shared.allowed if {
	shared.permitted
	shared.owned
} else := shared.denial
