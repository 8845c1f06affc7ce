// Command bill writes each program's bill of materials beside it: payments.cdx.json beside payments. The Dockerfile runs it;
// `lab images` and `lab release` need no other program for that.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"redoubt.example/scripts/internal/images"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: bill <program>...")
		os.Exit(2)
	}
	for _, path := range os.Args[1:] {
		text, err := images.Bill(filepath.Base(path), path)
		if err == nil {
			err = os.WriteFile(path+".cdx.json", text, 0o644) //nolint:gosec // everybody may read it
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
