package edge

import (
	"redoubt.example/gateway/internal/address"
	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
)

// reputation refuses addresses that are listed, or in a country that isn't served.
func reputation(cfg Config) func(*Exchange) error {
	if cfg.Addresses == nil {
		return nil
	}
	return func(x *Exchange) error {
		country, refused := cfg.Addresses.Check(x.From)
		x.Country = country
		if refused == "" {
			return nil
		}
		return x.Deny(controls.EdgeAddress, fault.Denied, refused)
	}
}

// client names who uses quotas and shares: the principal, or where there is none, the network.
func (x *Exchange) client() string {
	if x.Token.Principal != "" {
		return "principal " + x.Token.Principal
	}
	return "address " + address.Network(x.From).String()
}
