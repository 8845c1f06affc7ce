package posture

// Keeps checks a proposed topology.
var Keeps = keeps
