// Package places says in which country a lab's clients are. All of them are on one machine, so loopback stands for the world: each
// of these networks is a country of its own, by codes that ISO 3166-1 leaves to users and gives to no country.
package places

import (
	"fmt"
	"net"
	"os"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// Places are the countries, by where their clients come from. Who comes from another address is nowhere that is known.
var Places = map[string]string{
	"127.0.0.0/16": "XA", // where a client comes from that doesn't choose
	"127.1.0.0/16": "XB",
	"127.2.0.0/16": "XC",
}

// Home and Abroad are addresses in two of them.
const (
	Home   = "127.0.0.1"
	Abroad = "127.1.0.1"
)

// Write makes the database, in the form that a real one has: MaxMind's, with country.iso_code.
func Write(path string) error {
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "Redoubt-Lab-Country", IncludeReservedNetworks: true, RecordSize: 24})
	if err != nil {
		return err
	}
	for cidr, code := range Places {
		_, network, err := net.ParseCIDR(cidr)
		if err != nil {
			return err
		}
		if err := tree.Insert(network, mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String(code)}}); err != nil {
			return err
		}
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644) //nolint:gosec // the gateway's user reads it
	if err != nil {
		return err
	}
	if _, err := tree.WriteTo(file); err != nil {
		file.Close()
		return fmt.Errorf("write %s: %w", path, err)
	}
	return file.Close()
}
