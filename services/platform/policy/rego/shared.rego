# Rules that every service shares; each service's package makes its decision of them. data.routes is that
# service's part of topology.yaml. What allows is stated positively: something undefined never allows.
package redoubt.shared

route := data.routes[input.route]

permitted if {
	route.callers[input.caller]
	entitled
}

# A route without a principal is between workloads: the caller's identity alone decides.
entitled if route.principal == false

entitled if {
	route.principal == true
	input.principal != ""
	scope_granted
}

scope_granted if {
	some scope in input.scopes
	route.scopes[scope]
}

# My document, my ledger, my inbox. A decision about no object has no owner.
owned if not input.owner

owned if {
	input.owner == input.principal
	input.principal != ""
}

allowed := {"allow": true, "rule": "route-allowed", "reason": "caller, principal and scope match the route"}

denied(rule, reason) := {"allow": false, "rule": rule, "reason": reason}

# Why a request is denied: the outermost rule that stops it.
denial := denied("route-unknown", "topology.yaml lists no such route") if {
	not route
} else := denied("caller-not-listed", "this service isn't among the route's callers") if {
	not route.callers[input.caller]
} else := denied("principal-missing", "the route needs a transaction token") if {
	route.principal
	input.principal == ""
} else := denied("scope-missing", "the transaction token has none of the route's scopes") if {
	not entitled
} else := denied("owner-mismatch", "the object belongs to another principal") if {
	not owned
}
