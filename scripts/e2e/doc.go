// Package e2e holds the end-to-end test: the lab is started as a user would start it, and asked, over real
// TLS and with real tokens, for what its README promises.
//
// Tests run side by side (t.Parallel), each with a lab of its own, since they wait most of the time; those that measure,
// and those that send load while servers go away, have the machine to themselves.
package e2e
