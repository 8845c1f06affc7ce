package modelmanifest

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	nameForm    = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)
	versionForm = regexp.MustCompile(`^(0|[1-9][0-9]{0,8})(\.(0|[1-9][0-9]{0,8})){0,2}$`)
	digestForm  = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// CheckName accepts a model's name: lower-case letters, digits and dashes. Safe as a path segment.
func CheckName(name string) error {
	if !nameForm.MatchString(name) {
		return fmt.Errorf("a model's name matches %s", nameForm)
	}
	return nil
}

// CheckVersion accepts up to three numbers joined by dots, without leading zeros, so that one version has one
// spelling. Safe as a path segment.
func CheckVersion(version string) error {
	if !versionForm.MatchString(version) {
		return fmt.Errorf("a model's version matches %s", versionForm)
	}
	return nil
}

// CompareVersions orders checked versions by their numbers: "9" before "10", "1" before "1.0".
func CompareVersions(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(x, y string) int {
		m, _ := strconv.Atoi(x)
		n, _ := strconv.Atoi(y)
		return cmp.Compare(m, n)
	})
}

// Digest is a content address, "sha256:" and 64 lower-case hexadecimal digits.
type Digest string

// ParseDigest accepts exactly one spelling of a digest, so it can't name a path.
func ParseDigest(s string) (Digest, error) {
	if !digestForm.MatchString(s) {
		return "", fmt.Errorf("a digest matches %s", digestForm)
	}
	return Digest(s), nil
}

// Hex returns the digits alone. It is only for a parsed digest.
func (d Digest) Hex() string { return strings.TrimPrefix(string(d), "sha256:") }
