// Package xds holds only tests: what Consul would serve an Envoy for our registrations, asked of the real Consul with a
// small ADS client (xDS transport protocol, incremental). They are apart so that Envoy's messages reach no binary.
package xds
