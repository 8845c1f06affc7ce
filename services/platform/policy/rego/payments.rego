# Accounts, authorizations and transfers belong to a principal.
package redoubt.payments

import data.redoubt.shared

# Crediting, refunding and this is what staff do for others; topology.yaml gives these routes scopes of their own.
change_state := "PUT /v1/accounts/{owner}/state"

# The most that a service may hold of a principal's credits at once: what is worth more needs a person.
hold_limit := 50000

# What an account may do by its state; with one that isn't here, or that the service doesn't tell, nothing. What was set aside
# before an account was frozen may be captured: the service has been rendered.
may := {"active": {"spend", "receive"}, "frozen": {"receive"}, "closed": set()}

# What each route does, for these rules. An object of a route that isn't here is nobody's.
looks := {"GET /v1/account", "GET /v1/account/transfers", "PUT /v1/account/payment-reference"}

spends := "POST /v1/authorizations"

settles := {"POST /v1/authorizations/{id}/capture", "POST /v1/authorizations/{id}/void"}

receives := {"POST /v1/transfers", "POST /v1/transfers/{id}/refund"}

allow := "route-allowed" if shared.admitted

# All that follows is stated positively: what the service doesn't tell allows nothing.
allow := "own-object" if {
	some route in looks
	input.route == route
	shared.owned_at[route]
}

allow := "own-object" if {
	input.route == spends
	shared.owned_at[spends]
	input.attributes.maker == input.caller
	input.attributes.amount <= hold_limit
	may[input.attributes.account].spend
}

# An authorization is its maker's to settle: with the same user's token, another service still may not.
allow := "own-object" if {
	some route in settles
	input.route == route
	shared.owned_at[route]
	input.attributes.maker == input.caller
}

allow := "own-object" if {
	some route in receives
	input.route == route
	shared.owned_at[route]
	may[input.attributes.account].receive
}

allow := "staff-on-behalf" if {
	some route in receives
	input.route == route
	shared.permitted_at[route]
	input.owner != input.principal
	may[input.attributes.account].receive
}

allow := "staff-on-behalf" if {
	input.route == change_state
	shared.permitted_at[change_state]
	input.owner != input.principal
}

# What a crash left open has no end user any more; the service that made the authorization may settle it.
allow := "settled-by-maker" if {
	input.route == "POST /v1/settlements"
	shared.permitted_at["POST /v1/settlements"]
	input.owner != input.principal
	input.attributes.maker == input.caller
}

denial := shared.denied("maker-mismatch", "another service made this authorization") if {
	shared.permitted
	made
	not own_making
} else := shared.denied("amount-limit", "a service may not hold so many credits at once") if {
	shared.owned
	input.route == spends
	not within_limit
} else := shared.denied("own-account", "nobody changes the state of an account of their own") if {
	shared.owned
	input.route == change_state
} else := shared.denied("account-frozen", "the account is frozen: it receives credits and spends none") if {
	concerned
	input.route == spends
	input.attributes.account == "frozen"
} else := shared.denied("account-closed", "the account is closed") if {
	concerned
	input.attributes.account == "closed"
} else := shared.denied("account-unknown", "the account's state isn't known") if {
	concerned # with a state that is known, it would have been allowed
} else := shared.denial

# Helpers for not: of an attribute that isn't told, not says nothing by itself.
own_making if input.attributes.maker == input.caller

within_limit if input.attributes.amount <= hold_limit

made if {
	settles[input.route]
	shared.owned
}

made if {
	input.route == spends
	shared.owned
}

made if {
	input.route == "POST /v1/settlements"
	input.attributes.maker
}

# An account's state is told to who may act on it, and to nobody else.
concerned if {
	shared.owned
	input.route == spends
}

concerned if {
	shared.permitted
	receives[input.route]
	input.owner
}
