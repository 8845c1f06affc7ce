package images_test

import (
	"encoding/json"
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
		program, err := os.ReadFile(attestor(t, root))
		require.NoError(t, err)
		built = append(built, program)
	}
	require.True(t, string(built[0]) == string(built[1]), "a path of the machine's, or a date, is in the binary")
}

// attestor is a program of a checkout, built as for release.
func attestor(t *testing.T, root string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "attestor")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-tags", tools.ReleaseTags, "-o", path, "./platform/attest/attestor")
	build.Dir, build.Env = filepath.Join(root, "services"), append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	said, err := build.CombinedOutput()
	require.NoError(t, err, string(said))
	return path
}

// TestDockerfileMakesTheSame: a target for each binary, built with the tags that `lab images` uses.
func TestDockerfileMakesTheSame(t *testing.T) {
	raw, err := os.ReadFile("../../../infra/images/Dockerfile")
	require.NoError(t, err)
	file := string(raw)
	require.Contains(t, file, "-tags "+tools.ReleaseTags+" ")
	built := func(pkg string) {
		require.Regexp(t, `(?m)^RUN (.*\\\n)*.* ?`+strings.ReplaceAll(pkg, ".", `\.`)+`( |$)`, file, "it isn't built")
	}
	built(images.EnvoyAgent)
	require.Regexp(t, `(?s)\nFROM \$\{ENVOY_IMAGE\} AS envoy\n.*COPY --from=billed /out/envoyagent /sidecar\n.*USER 65532:65532\nENTRYPOINT \["/sidecar"\]`, file)
	for _, pkg := range images.Ours {
		name := filepath.Base(pkg)
		built(pkg)
		require.Contains(t, file, "\nFROM base AS "+name+"\n")
		require.Contains(t, file, "COPY --from=billed /out/"+name+" /"+name+"\nCOPY --from=billed /out/"+name+".cdx.json /usr/share/doc/redoubt/sbom.cdx.json\nENTRYPOINT [\"/"+name+"\"]")
	}
	require.Equal(t, len(images.Ours)+2, strings.Count(file, "\nFROM base AS "), "Consul, Vault and ours")
}

// TestBill: what the compiler recorded, in the order of names, the same each time.
func TestBill(t *testing.T) {
	repo, err := filepath.Abs("../../..")
	require.NoError(t, err)
	program := attestor(t, repo)
	raw, err := images.Bill("attestor", program)
	require.NoError(t, err)
	again, err := images.Bill("attestor", program)
	require.NoError(t, err)
	require.Equal(t, raw, again)
	var bill struct {
		BOMFormat, SpecVersion string
		Components             []struct{ Name, Version, PURL string }
	}
	require.NoError(t, json.Unmarshal(raw, &bill))
	require.Equal(t, [2]string{"CycloneDX", "1.5"}, [2]string{bill.BOMFormat, bill.SpecVersion})
	found := map[string]string{}
	for _, c := range bill.Components {
		found[c.Name] = c.PURL
	}
	require.Regexp(t, `^pkg:golang/github.com/go-jose/go-jose/v4@v4\.`, found["github.com/go-jose/go-jose/v4"])
	require.Regexp(t, `^pkg:golang/stdlib@1\.`, found["go"])
}

func TestProvenance(t *testing.T) {
	digest := strings.Repeat("ab", 32)
	raw, err := images.Provenance([]images.Result{{Name: "redoubt/payments:local", Digest: "sha256:" + digest}},
		images.Origin{Commit: "c0ffee", Go: "go1.26.8", Builder: "https://redoubt.example/builder/local"})
	require.NoError(t, err)
	var s struct {
		Type          string `json:"_type"`
		PredicateType string
		Subject       []struct {
			Name   string
			Digest map[string]string
		}
		Predicate struct {
			BuildDefinition struct {
				ResolvedDependencies []struct{ Digest map[string]string }
			}
			RunDetails struct{ Builder struct{ ID string } }
		}
	}
	require.NoError(t, json.Unmarshal(raw, &s))
	require.Equal(t, "https://in-toto.io/Statement/v1", s.Type)
	require.Equal(t, "https://slsa.dev/provenance/v1", s.PredicateType)
	require.Equal(t, digest, s.Subject[0].Digest["sha256"])
	require.Equal(t, "c0ffee", s.Predicate.BuildDefinition.ResolvedDependencies[0].Digest["gitCommit"])
	require.Equal(t, "https://redoubt.example/builder/local", s.Predicate.RunDetails.Builder.ID)

	_, err = images.Provenance(nil, images.Origin{})
	require.Error(t, err, "nothing has no provenance")
}
