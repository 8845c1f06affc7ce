package redoubt.sentinel_test

import data.redoubt.sentinel

routes := {"POST /v1/logs": {"callers": {"payments": {}}, "scopes": {}, "principal": false}}

good := {"caller": "payments", "route": "POST /v1/logs", "principal": "", "scopes": []}

test_stranger_denied if {
	request := object.union(good, {"caller": "stranger"})
	not sentinel.allow with input as request with data.routes as routes
	sentinel.denial.rule == "caller-not-listed" with input as request with data.routes as routes
}

# A user's token is no substitute for being the right caller.
test_stranger_with_a_token_denied if {
	not sentinel.allow with input as object.union(good, {"caller": "stranger", "principal": "alice", "scopes": ["admin"]})
		with data.routes as routes
}

# Were the shared rules ever silent, nobody would get in.
test_default_denies if not sentinel.allow with input as good with data.routes as routes with data.redoubt.shared.permitted as false

test_caller_allowed if sentinel.allow with input as good with data.routes as routes
