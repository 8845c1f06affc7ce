//go:build !release

package controls

// release marks a build that no setting can weaken: go build -tags release.
const release = false
