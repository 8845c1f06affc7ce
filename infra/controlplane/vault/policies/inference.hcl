# The public key that weights are verified with.
path "transit/keys/modelstore" { capabilities = ["read"] }
