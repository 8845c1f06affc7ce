# Rules that every service shares; each service's package makes its own allow and denial of them. data.routes is
# that service's part of topology.yaml. What allows is stated positively: something undefined never allows.
#
# allow is the ID of the rule that lets a request in, undefined when none does. denial says why not, and is asked
# only then.
package redoubt.shared

permitted if permitted_at[input.route]

# By route, so that rules about certain routes name them: evaluated in advance, they then hold no other.
#
# A route without a principal is between workloads: the caller's identity alone decides.
permitted_at contains name if {
	some name, route in data.routes
	route.principal == false
	route.callers[input.caller]
}

# With one, the caller must also be on the path of the transaction that the token was minted for: a token that
# fell into the hands of a service outside that path opens nothing to it.
permitted_at contains name if {
	some name, route in data.routes
	route.principal == true
	route.callers[input.caller][input.entry]
	route.scopes[input.scopes[_]]
	input.principal != ""
}

# The gateway mints the tokens, so it is on every path.
permitted_at contains name if {
	some name, route in data.routes
	route.principal == true
	route.callers[input.caller]["*"]
	route.scopes[input.scopes[_]]
	input.principal != ""
}

# A decision about no object has no owner: whether the request may come in at all.
admitted if {
	permitted
	not input.owner
}

# My document, my ledger, my inbox.
owned if {
	permitted
	input.owner == input.principal
	input.principal != ""
}

owned_at contains name if {
	permitted_at[name]
	input.owner == input.principal
	input.principal != ""
}

denied(rule, reason) := {"rule": rule, "reason": reason}

route := data.routes[input.route]

# Why a request is denied: the outermost rule that stops it.
denial := denied("route-unknown", "topology.yaml lists no such route") if {
	not route
} else := denied("caller-not-listed", "this service isn't among the route's callers") if {
	not route.callers[input.caller]
} else := denied("principal-missing", "the route needs a transaction token") if {
	route.principal
	input.principal == ""
} else := denied("scope-missing", "the transaction token has none of the route's scopes") if {
	route.principal
	not scoped
} else := denied("outside-call-path", "the transaction's path doesn't lead this caller here") if {
	not permitted
} else := denied("owner-mismatch", "the object belongs to another principal") if {
	input.owner
	not owned
}

scoped if route.scopes[input.scopes[_]]
