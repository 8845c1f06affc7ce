# The public key that weights are verified with.
path "transit/keys/modelstore" { capabilities = ["read"] }

# The public key that policy bundles are verified with.
path "transit/keys/policy" { capabilities = ["read"] }
