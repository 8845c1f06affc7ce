# Credentials for its own database; renewing and revoking those leases, not another's.
path "database/creds/payments"                 { capabilities = ["read"] }
path "sys/leases/renew/database/creds/payments/*"  { capabilities = ["update"] }
path "sys/leases/revoke/database/creds/payments/*" { capabilities = ["update"] }

# The public key that policy bundles are verified with.
path "transit/keys/policy" { capabilities = ["read"] }
# Payment references are sealed, and wrapped anew after a rotation. Opening them is not this service's to do.
path "transit/datakey/plaintext/payments" { capabilities = ["update"] }
path "transit/rewrap/payments"            { capabilities = ["update"] }
