package images

import (
	"context"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// redis is an image of the Redis that this machine has: the server, the client that asks how it is, and the libraries that
// they are linked to.
func redis(ctx context.Context, server string) (v1.Image, error) {
	var files layer
	programs := []string{server, filepath.Join(filepath.Dir(server), "redis-cli")}
	for _, program := range programs {
		files.copy("/usr/bin/"+filepath.Base(program), program, 0o755)
	}
	if err := files.libraries(ctx, programs); err != nil {
		return nil, err
	}
	return files.image(v1.Config{Entrypoint: []string{"/usr/bin/redis-server"}, User: "65532:65532", Env: []string{"PATH=/usr/bin"}}, "redis")
}
