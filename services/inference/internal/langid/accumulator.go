package langid

// row is one embedding: Dim bytes, each a weight plus 128, eight to a word.
type row [Dim / 8]uint64

const (
	evenBytes = 0x00ff00ff00ff00ff
	// flushAfter additions of at most 255 a 16-bit lane is nearly full.
	flushAfter = 256
)

// accumulator sums rows four bytes at a time, in the 16-bit lanes of a word: summing is what classifying
// spends its time on, and this is four times as fast as byte by byte.
type accumulator struct {
	even, odd [Dim / 8]uint64
	pending   int
	count     int64
	sums      [Dim]int64
}

func (a *accumulator) add(r *row) {
	a.even[0] += r[0] & evenBytes
	a.odd[0] += (r[0] >> 8) & evenBytes
	a.even[1] += r[1] & evenBytes
	a.odd[1] += (r[1] >> 8) & evenBytes
	if a.pending++; a.pending == flushAfter {
		a.flush()
	}
}

func (a *accumulator) flush() {
	for w := range a.even {
		for lane := range 4 {
			a.sums[w*8+lane*2] += int64(a.even[w] >> (16 * lane) & 0xffff)
			a.sums[w*8+lane*2+1] += int64(a.odd[w] >> (16 * lane) & 0xffff)
		}
		a.even[w], a.odd[w] = 0, 0
	}
	a.count += int64(a.pending)
	a.pending = 0
}

// mean is false when nothing was added.
func (a *accumulator) mean(scale float32) (hidden [Dim]float32, ok bool) {
	a.flush()
	if a.count == 0 {
		return hidden, false
	}
	for d, sum := range a.sums {
		hidden[d] = float32(sum-128*a.count) * scale / float32(a.count)
	}
	return hidden, true
}

func packRow(weights []byte) (r row) {
	for i, w := range weights {
		r[i/8] |= uint64(w^0x80) << (8 * (i % 8)) // int8 + 128 flips its top bit
	}
	return r
}
