// Package e2e holds the end-to-end test: the lab is started as a user would start it, and asked, over real
// TLS and with real tokens, for what its README promises.
package e2e
