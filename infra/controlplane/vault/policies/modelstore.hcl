# Serving what is signed already needs no key but the one that policy bundles are verified with.
path "transit/keys/policy" { capabilities = ["read"] }
