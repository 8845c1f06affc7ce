package redoubt.gateway_test

import data.redoubt.gateway

routes := {"GET /v1/transaction-keys": {"callers": {"payments": {}}, "scopes": {}, "principal": false}}

good := {"caller": "payments", "route": "GET /v1/transaction-keys", "principal": "", "scopes": []}

test_stranger_denied if {
	request := object.union(good, {"caller": "stranger"})
	not gateway.allow with input as request with data.routes as routes
	gateway.denial.rule == "caller-not-listed" with input as request with data.routes as routes
}

# A user's token is no substitute for being the right caller.
test_stranger_with_a_token_denied if {
	not gateway.allow with input as object.union(good, {"caller": "stranger", "principal": "alice", "scopes": ["admin"]})
		with data.routes as routes
}

# Were the shared rules ever silent, nobody would get in.
test_default_denies if not gateway.allow with input as good with data.routes as routes with data.redoubt.shared.permitted as false

test_caller_allowed if gateway.allow with input as good with data.routes as routes
