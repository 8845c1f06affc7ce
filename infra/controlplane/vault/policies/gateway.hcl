# The certificate that it shows the outside world.
path "pki-edge/sign/gateway" { capabilities = ["update"] }

# The public key that policy bundles are verified with.
path "transit/keys/policy" { capabilities = ["read"] }
# What API keys are hashed with.
path "transit/hmac/apikeys" { capabilities = ["update"] }
