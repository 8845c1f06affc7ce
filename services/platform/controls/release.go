//go:build release

package controls

// release marks a build that no setting can weaken.
const release = true
