# The schema's owner, for as long as a migration takes. The running service has no such right.
path "database/creds/sentinel-migrate"                 { capabilities = ["read"] }
path "sys/leases/revoke/database/creds/sentinel-migrate/*" { capabilities = ["update"] }
