# Accounts, authorizations and transfers belong to a principal.
package redoubt.payments

import data.redoubt.shared

default decision := {"allow": false, "rule": "default-deny", "reason": "no rule allows this"}

# Crediting and refunding is what staff do for others; topology.yaml gives these routes scopes of their own.
on_behalf := {"POST /v1/transfers", "POST /v1/transfers/{id}/refund"}

decision := shared.allowed if {
	shared.permitted
	may_touch
} else := shared.denial

may_touch if shared.owned

may_touch if on_behalf[input.route]
