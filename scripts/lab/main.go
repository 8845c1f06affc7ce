// Lab runs the platform on one machine: starts it, shows it, breaks it, tests it. `lab help` lists its verbs.
package main

import "os"

func main() { os.Exit(execute(os.Args[1:])) }
