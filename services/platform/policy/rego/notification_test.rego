package redoubt.notification_test

import data.redoubt.notification

routes := {"GET /v1/inbox": {"callers": {"gateway": {"*": true}}, "scopes": {"inbox:read": true}, "principal": true}}

good := {"caller": "gateway", "route": "GET /v1/inbox", "principal": "alice", "scopes": ["inbox:read"]}

test_stranger_denied if not notification.allow with input as object.union(good, {"caller": "stranger"}) with data.routes as routes

test_other_scope_denied if not notification.allow with input as object.union(good, {"scopes": ["other"]}) with data.routes as routes

test_foreign_object_denied if {
	notification.denial.rule == "owner-mismatch" with input as object.union(good, {"owner": "bob"}) with data.routes as routes
}

# Were the shared rules ever silent, nobody would get in.
test_default_denies if not notification.allow with input as good with data.routes as routes with data.redoubt.shared.permitted as false

test_own_object_allowed if {
	notification.allow with input as object.union(good, {"owner": "alice"}) with data.routes as routes
	notification.allow with input as good with data.routes as routes
}
