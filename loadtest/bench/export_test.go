package bench

// MedianTook is the median in microseconds, as rounds are summed up.
var MedianTook = median
