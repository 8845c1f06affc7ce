package authn

// ParseKeys is what verifiers read of a JWK Set.
var ParseKeys = parseKeys
