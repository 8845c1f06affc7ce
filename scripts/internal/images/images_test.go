package images_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/scripts/internal/images"
	"redoubt.example/scripts/internal/tools"
)

// TestSameBinarySameDigest: not when it was built, nor where it lay, nor who may execute it.
func TestSameBinarySameDigest(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	program, err := os.ReadFile(self)
	require.NoError(t, err)
	digest := func(content []byte, mode os.FileMode, age time.Duration) string {
		path := filepath.Join(t.TempDir(), "payments")
		require.NoError(t, os.WriteFile(path, content, mode))
		require.NoError(t, os.Chtimes(path, time.Time{}, time.Now().Add(-age)))
		image, err := images.Program("payments", path)
		require.NoError(t, err)
		digest, err := image.Digest()
		require.NoError(t, err)
		return digest.String()
	}
	first := digest(program, 0o755, 0)
	require.Equal(t, first, digest(program, 0o700, 1000*time.Hour))
	require.NotEqual(t, first, digest(append(program, 0), 0o755, 0), "another binary is another image")
}

// TestSameSourceSameBinary builds a program from two checkouts in different folders.
func TestSameSourceSameBinary(t *testing.T) {
	repo, err := filepath.Abs("../../..")
	require.NoError(t, err)
	copied := filepath.Join(t.TempDir(), "elsewhere")
	for _, name := range []string{"services", "infra", "threatmodel"} {
		require.NoError(t, os.CopyFS(filepath.Join(copied, name), os.DirFS(filepath.Join(repo, name))))
	}
	var built [][]byte
	for _, root := range []string{repo, copied} {
		out := filepath.Join(t.TempDir(), "attestor")
		build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-tags", tools.ReleaseTags, "-o", out, "./platform/attest/attestor")
		build.Dir, build.Env = filepath.Join(root, "services"), append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
		said, err := build.CombinedOutput()
		require.NoError(t, err, string(said))
		program, err := os.ReadFile(out)
		require.NoError(t, err)
		built = append(built, program)
	}
	require.True(t, string(built[0]) == string(built[1]), "a path of the machine's, or a date, is in the binary")
}

// TestDockerfileMakesTheSame: a target for each binary, built with the tags that `lab images` uses.
func TestDockerfileMakesTheSame(t *testing.T) {
	raw, err := os.ReadFile("../../../infra/images/Dockerfile")
	require.NoError(t, err)
	file := string(raw)
	require.Contains(t, file, "-tags "+tools.ReleaseTags+" ")
	for _, pkg := range images.Ours {
		name := filepath.Base(pkg)
		require.Regexp(t, `(?m)^RUN (.*\\\n)*.* ?`+strings.ReplaceAll(pkg, ".", `\.`)+`( |$)`, file, "it isn't built")
		require.Contains(t, file, "\nFROM base AS "+name+"\n")
		require.Contains(t, file, "COPY --from=build /out/"+name+" /"+name+"\nENTRYPOINT [\"/"+name+"\"]")
	}
	require.Equal(t, len(images.Ours)+2, strings.Count(file, "\nFROM base AS "), "Consul, Vault and ours")
}
