package bench

// IdleGroup is idleGroup, for tests.
func IdleGroup() string { return idleGroup() }
