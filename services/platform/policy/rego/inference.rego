# Inferences charge the principal; the models are the same for everybody.
package redoubt.inference

import data.redoubt.shared

default decision := {"allow": false, "rule": "default-deny", "reason": "no rule allows this"}

decision := shared.allowed if {
	shared.permitted
	shared.owned
} else := shared.denial
