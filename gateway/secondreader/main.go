// Secondreader reads an OpenAPI document with another library than the gateway does, and says what that one finds wrong: what a
// single library happens to accept is no contract yet. It is a module of its own, outside go.work, so that the gateway's graph
// has one reader only.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/speakeasy-api/openapi/openapi"
)

func main() {
	if err := check(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	ctx := context.Background()
	doc, wrong, err := openapi.Unmarshal(ctx, file)
	if err != nil {
		return err
	}
	unresolved, err := doc.ResolveAllReferences(ctx, openapi.ResolveAllOptions{OpenAPILocation: path, DisableExternalRefs: true})
	if err != nil {
		return err
	}
	for _, w := range append(wrong, unresolved...) {
		fmt.Println(w)
	}
	if n := len(wrong) + len(unresolved); n > 0 {
		return fmt.Errorf("%d mistakes in %s", n, path)
	}
	fmt.Printf("%s: OpenAPI %s, nothing wrong\n", path, doc.GetOpenAPI())
	return nil
}
