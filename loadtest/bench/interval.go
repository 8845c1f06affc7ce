package bench

// QuantileInterval is a quantile of values that come in groups, with its interval: a bootstrap over the groups, since
// values of one group aren't independent of each other.
func QuantileInterval(groups [][]float64, q, confidence float64) Difference {
	sorted := newWeighted(groups)
	return bootstrap(len(groups), confidence, func(weight []int) float64 { return sorted.quantile(q, weight) })
}
