# Credentials for its own database; renewing and revoking those leases, not another's.
path "database/creds/notification"                 { capabilities = ["read"] }
path "sys/leases/renew/database/creds/notification/*"  { capabilities = ["update"] }
path "sys/leases/revoke/database/creds/notification/*" { capabilities = ["update"] }

# Webhook secrets lie sealed in its database. Each has a data key of its own, which is wrapped by this key and, when
# that was rotated, wrapped anew.
path "transit/datakey/plaintext/notification" { capabilities = ["update"] }
path "transit/decrypt/notification"           { capabilities = ["update"] }
path "transit/rewrap/notification"            { capabilities = ["update"] }

# The public key that policy bundles are verified with.
path "transit/keys/policy" { capabilities = ["read"] }
