package openai

import (
	"fmt"
	"io"
	"os"
	"strings"

	"redoubt.example/services/platform/config"
)

// maxKey bounds a key file.
const maxKey = 4 << 10

// ReadKey reads an API key from a file that only its owner can read; from any other it is refused, since it has
// leaked already.
func ReadKey(path string) (config.Secret, error) {
	f, err := os.Open(path)
	if err != nil {
		return config.Secret{}, &config.Error{Reason: fmt.Sprintf("REDOUBT_INFERENCE_UPSTREAM_KEY_FILE can't be read: %v", err)}
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil || !info.Mode().IsRegular():
		return config.Secret{}, &config.Error{Reason: "REDOUBT_INFERENCE_UPSTREAM_KEY_FILE is not a file"}
	case info.Mode().Perm()&0o077 != 0:
		return config.Secret{}, &config.Error{Reason: fmt.Sprintf(
			"REDOUBT_INFERENCE_UPSTREAM_KEY_FILE may be read by others (mode %04o): chmod 0600 it, and change the key", info.Mode().Perm())}
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKey+1))
	key := strings.TrimSpace(string(text))
	if err != nil || key == "" || len(text) > maxKey || strings.ContainsFunc(key, unusable) {
		return config.Secret{}, &config.Error{Reason: "REDOUBT_INFERENCE_UPSTREAM_KEY_FILE holds no API key"}
	}
	return config.NewSecret(key), nil
}

// unusable finds what can't be in a header: a key that was pasted with something else.
func unusable(r rune) bool { return r <= ' ' || r > '~' }
