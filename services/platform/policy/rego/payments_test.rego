package redoubt.payments_test

import data.redoubt.payments

routes := {
	"POST /v1/authorizations": {"callers": {"ingestion": {"POST /v1/documents": true}}, "scopes": {"documents:write": true}, "principal": true},
	"POST /v1/authorizations/{id}/capture": {"callers": {"ingestion": {"POST /v1/documents": true}, "inference": {"POST /v1/inferences": true}}, "scopes": {"documents:write": true}, "principal": true},
	"POST /v1/transfers": {"callers": {"gateway": {"*": true}}, "scopes": {"payments:credit": true}, "principal": true},
	"POST /v1/transfers/{id}/refund": {"callers": {"gateway": {"*": true}}, "scopes": {"payments:refund": true}, "principal": true},
	"PUT /v1/accounts/{owner}/state": {"callers": {"gateway": {"*": true}}, "scopes": {"accounts:admin": true}, "principal": true},
	"GET /v1/account": {"callers": {"gateway": {"*": true}}, "scopes": {"account:read": true}, "principal": true},
	"POST /v1/settlements": {"callers": {"ingestion": {}, "inference": {}}, "scopes": {}, "principal": false},
}

account := {"caller": "gateway", "route": "GET /v1/account", "principal": "alice", "scopes": ["account:read"]}

capture := {"caller": "ingestion", "route": "POST /v1/authorizations/{id}/capture", "principal": "alice", "entry": "POST /v1/documents", "scopes": ["documents:write"], "owner": "alice"}

settle := {"caller": "ingestion", "route": "POST /v1/settlements", "principal": "", "scopes": [], "owner": "alice"}

refund := {"caller": "gateway", "route": "POST /v1/transfers/{id}/refund", "principal": "carol", "scopes": ["payments:refund"], "owner": "alice", "attributes": {"account": "active", "amount": 5}}

credit := object.union(refund, {"route": "POST /v1/transfers", "scopes": ["payments:credit"]})

hold := {"caller": "ingestion", "route": "POST /v1/authorizations", "principal": "alice", "entry": "POST /v1/documents", "scopes": ["documents:write"], "owner": "alice", "attributes": {"maker": "ingestion", "amount": 5, "account": "active"}}

freeze := {"caller": "gateway", "route": "PUT /v1/accounts/{owner}/state", "principal": "carol", "scopes": ["accounts:admin"], "owner": "alice"}

# The request about an account in another state.
about(request, account) := object.union(request, {"attributes": object.union(request.attributes, {"account": account})})

# The request without one of its attributes.
lacking(request, name) := object.union(object.remove(request, ["attributes"]), {"attributes": object.remove(request.attributes, [name])})

denied_by(request, rule) if {
	not payments.allow with input as request with data.routes as routes
	payments.denial.rule == rule with input as request with data.routes as routes
}

allowed_by(request, rule) if payments.allow == rule with input as request with data.routes as routes

test_only_refund_scope_refunds if {
	denied_by(object.union(refund, {"scopes": ["payments:credit", "account:read"]}), "scope-missing")
	denied_by(object.union(refund, {"caller": "ingestion"}), "caller-not-listed")
	denied_by(object.union(refund, {"principal": ""}), "principal-missing")
	allowed_by(refund, "staff-on-behalf")
	allowed_by(object.union(refund, {"owner": "carol"}), "own-object")
}

test_another_ledger_denied if {
	denied_by(object.union(account, {"owner": "bob"}), "owner-mismatch")
	allowed_by(object.union(account, {"owner": "alice"}), "own-object")
}

test_admitted if {
	allowed_by(account, "route-allowed")
	allowed_by(object.remove(refund, ["owner"]), "route-allowed")
	allowed_by(object.remove(settle, ["owner"]), "route-allowed")
}

# Staff may act on others' accounts by the staff routes, and by no other.
test_staff_scope_opens_no_other_route if {
	request := {"caller": "gateway", "route": "GET /v1/account", "principal": "carol", "scopes": ["account:read", "payments:refund"], "owner": "alice"}
	denied_by(request, "owner-mismatch")
}

test_authorization_is_its_makers if {
	denied_by(object.union(capture, {"attributes": {"maker": "inference"}}), "maker-mismatch")
	allowed_by(object.union(capture, {"attributes": {"maker": "ingestion"}}), "own-object")
}

test_settling if {
	denied_by(object.union(settle, {"attributes": {"maker": "inference"}}), "maker-mismatch")
	denied_by(settle, "owner-mismatch")
	denied_by(object.union(settle, {"caller": "gateway", "attributes": {"maker": "gateway"}}), "caller-not-listed")
	allowed_by(object.union(settle, {"attributes": {"maker": "ingestion"}}), "settled-by-maker")
}

test_holds_are_limited if {
	denied_by(object.union(hold, {"attributes": {"amount": 50001}}), "amount-limit")
	denied_by(object.union(hold, {"attributes": {"amount": "5"}}), "amount-limit")
	denied_by(lacking(hold, "amount"), "amount-limit")
	allowed_by(object.union(hold, {"attributes": {"amount": 50000}}), "own-object")
}

# A frozen account receives and doesn't spend; what was set aside before may be captured.
test_frozen if {
	denied_by(about(hold, "frozen"), "account-frozen")
	allowed_by(about(credit, "frozen"), "staff-on-behalf")
	allowed_by(about(refund, "frozen"), "staff-on-behalf")
	allowed_by(object.union(capture, {"attributes": {"maker": "ingestion", "account": "frozen"}}), "own-object")
	allowed_by(object.union(account, {"owner": "alice", "attributes": {"account": "frozen"}}), "own-object")
}

test_closed if {
	denied_by(about(hold, "closed"), "account-closed")
	denied_by(about(credit, "closed"), "account-closed")
	denied_by(about(refund, "closed"), "account-closed")
}

test_state_that_is_no_state_denies if {
	denied_by(lacking(hold, "account"), "account-unknown")
	denied_by(lacking(credit, "account"), "account-unknown")
	denied_by(about(hold, "ACTIVE"), "account-unknown")
	denied_by(about(hold, true), "account-unknown")
	denied_by(object.remove(credit, ["attributes"]), "account-unknown")
}

# Who may not act on the account doesn't learn its state.
test_state_is_told_to_nobody_else if {
	denied_by(object.union(about(hold, "frozen"), {"owner": "bob"}), "owner-mismatch")
	denied_by(object.union(about(credit, "closed"), {"scopes": ["account:read"]}), "scope-missing")
}

test_only_admins_change_states_and_not_their_own if {
	denied_by(object.union(freeze, {"scopes": ["payments:credit", "payments:refund", "account:read"]}), "scope-missing")
	denied_by(object.union(freeze, {"caller": "notification"}), "caller-not-listed")
	denied_by(object.union(freeze, {"owner": "carol"}), "own-account")
	allowed_by(freeze, "staff-on-behalf")
}

# Were the shared rules ever silent, nobody would get in.
test_default_denies if not payments.allow with input as account with data.routes as routes with data.redoubt.shared.permitted as false
