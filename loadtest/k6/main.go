// Command k6 is grafana/k6 as this lab uses it: it can reach loopback and nothing else, and speaks below HTTP, too
// (k6/x/mesh, which in a container of the lab reaches the lab's other containers).
//
// k6 refuses a dial to an address on its block list, after name resolution; the list here is every address
// that isn't loopback. It is set above a script's own options, and the flag that would replace it is refused.
package main

import (
	"fmt"
	"os"

	"go.k6.io/k6/cmd"
	"go.k6.io/k6/js/modules"

	"redoubt.example/loadtest/k6/mesh"
)

func main() {
	if err := confine(os.Args[1:], os.Setenv); err != nil {
		fmt.Fprintln(os.Stderr, "k6:", err)
		os.Exit(2)
	}
	// The lab says where its sockets lie and where a script's outcome goes; a script can't.
	guard := mesh.NewGuard(os.Getenv("MESH_FOLDER"), os.Getenv("MESH_RESULTS"))
	if network, ok := os.LookupEnv("MESH_NETWORK"); ok {
		if err := guard.Within(network); err != nil {
			fmt.Fprintln(os.Stderr, "k6:", err)
			os.Exit(2)
		}
	}
	modules.Register("k6/x/mesh", mesh.New(guard))
	cmd.Execute()
}
