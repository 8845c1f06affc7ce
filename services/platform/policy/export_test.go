package policy

// Capabilities is what the rules may use, for the test that nothing dangerous is among it.
var Capabilities = capabilities
