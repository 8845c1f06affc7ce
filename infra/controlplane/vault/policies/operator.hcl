# The operator configures Vault, sees and ends leases and tokens, and rotates keys. What the configured roles
# give out (database credentials, signatures, access tokens) is not theirs to read: a policy of theirs that
# granted it would be in the audit log.
path "sys/audit"          { capabilities = ["read", "sudo"] }
path "sys/audit/*"        { capabilities = ["create", "read", "update", "sudo"] }
path "sys/auth"           { capabilities = ["read"] }
path "sys/auth/*"         { capabilities = ["create", "read", "update", "sudo"] }
path "sys/mounts"         { capabilities = ["read"] }
path "sys/mounts/*"       { capabilities = ["create", "read", "update"] }
path "sys/policies/acl"   { capabilities = ["list"] }
path "sys/policies/acl/*" { capabilities = ["create", "read", "update", "delete"] }

path "auth/jwt/config" { capabilities = ["create", "read", "update"] }
path "auth/jwt/role"   { capabilities = ["list"] }
path "auth/jwt/role/*" { capabilities = ["create", "read", "update", "delete"] }

path "identity/entity/*"       { capabilities = ["create", "read", "update", "list"] }
path "identity/entity-alias"   { capabilities = ["create", "update"] }
path "identity/entity-alias/*" { capabilities = ["create", "read", "update", "list"] }
path "identity/lookup/entity"  { capabilities = ["create", "update"] }
path "identity/oidc/config"    { capabilities = ["create", "read", "update"] }
path "identity/oidc/key/*"     { capabilities = ["create", "read", "update"] }
path "identity/oidc/role/*"    { capabilities = ["create", "read", "update", "delete", "list"] }

path "connect-root/cert/ca"                   { capabilities = ["read"] }
path "connect-root/root/generate/internal"    { capabilities = ["create", "update"] }
path "mesh/+/root/cert/ca"                    { capabilities = ["read"] }
path "mesh/+/root/root/generate/internal"     { capabilities = ["create", "update"] }
path "pki-edge/cert/ca"                       { capabilities = ["read"] }
path "pki-edge/intermediate/*"                { capabilities = ["create", "update"] }
path "pki-edge/roles/*"                       { capabilities = ["create", "read", "update"] }

path "transit/keys"     { capabilities = ["list"] }
path "transit/keys/*"   { capabilities = ["create", "read", "update"] }

# Issues API keys, of which only a hash is kept.
path "transit/hmac/apikeys" { capabilities = ["update"] }

path "database/config/*"      { capabilities = ["create", "read", "update"] }
path "database/roles/*"       { capabilities = ["create", "read", "update", "list"] }
path "database/rotate-root/*" { capabilities = ["create", "update"] }

path "sys/leases/lookup"          { capabilities = ["create", "update"] }
path "sys/leases/lookup/*"        { capabilities = ["list", "sudo"] }
path "sys/leases/revoke"          { capabilities = ["create", "update"] }
path "sys/leases/revoke/*"        { capabilities = ["create", "update"] }
path "sys/leases/revoke-prefix/*" { capabilities = ["create", "update", "sudo"] }
path "auth/token/accessors"       { capabilities = ["list", "sudo"] }
path "auth/token/accessors/*"     { capabilities = ["list", "sudo"] }
path "auth/token/lookup-accessor" { capabilities = ["create", "update"] }
path "auth/token/revoke-accessor" { capabilities = ["create", "update"] }

# The emergency brake: a sealed Vault gives nothing out until it is restarted, which unseals it.
path "sys/seal" { capabilities = ["update", "sudo"] }
