package langid

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sort"
)

// The file, little endian:
//
//	"RDLI" | version u16 | dim u8 | longest n-gram u8 | bucket bits u8 | labels u8 | scale f32
//	labels x (length u8, ASCII code) | labels x (bias f32, dim x f32) | 2^bits x dim x int8
//
// It ends exactly there. A change of Grams is a change of version: old weights would be read with new eyes.
const (
	magic         = "RDLI"
	formatVersion = 1
	headerSize    = 14
	maxLabel      = 8
	// maxWeight keeps every logit finite, and so every probability a number.
	maxWeight = 1e6

	minBucketBits = 8
	maxBucketBits = 18
	// MaxFileSize bounds what a loader needs to read.
	MaxFileSize = headerSize + 255*(1+maxLabel+4+4*Dim) + Dim<<maxBucketBits
)

// ErrFormat is wrapped by every refusal of Load.
var ErrFormat = errors.New("not a language model")

// Weights are a model before it is packed: what training makes.
type Weights struct {
	Languages  []string // sorted
	BucketBits uint
	Scale      float32
	Embeddings []int8 // Dim for each bucket
	Output     [][Dim]float32
	Bias       []float32
}

// Encode writes the file that Load reads.
func (w *Weights) Encode() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(magic)
	put := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) } // a Buffer doesn't fail
	put(uint16(formatVersion))
	b.Write([]byte{Dim, maxGram, byte(w.BucketBits), byte(len(w.Languages))})
	put(w.Scale)
	for _, language := range w.Languages {
		b.WriteByte(byte(len(language)))
		b.WriteString(language)
	}
	for i := range w.Output {
		put(w.Bias[i])
		put(w.Output[i])
	}
	put(w.Embeddings)
	if _, err := Load(b.Bytes()); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return b.Bytes(), nil
}

// Load reads a model, and refuses with ErrFormat what isn't exactly one. It keeps no reference to file.
func Load(file []byte) (*Model, error) {
	r := reader{rest: file}
	if string(r.take(len(magic))) != magic {
		return nil, fmt.Errorf("%w: no magic number", ErrFormat)
	}
	if v := r.uint16(); v != formatVersion {
		return nil, fmt.Errorf("%w: version %d, want %d", ErrFormat, v, formatVersion)
	}
	dim, gram, bits, labels := r.byte(), r.byte(), r.byte(), int(r.byte())
	m := &Model{bucketBits: uint(bits), scale: r.float()}
	switch {
	case dim != Dim || gram != maxGram:
		return nil, fmt.Errorf("%w: %d dimensions and %d-grams, want %d and %d", ErrFormat, dim, gram, Dim, maxGram)
	case bits < minBucketBits || bits > maxBucketBits:
		return nil, fmt.Errorf("%w: 2^%d buckets", ErrFormat, bits)
	case labels < 2:
		return nil, fmt.Errorf("%w: %d labels", ErrFormat, labels)
	}
	for range labels {
		m.languages = append(m.languages, string(r.take(int(r.byte()))))
	}
	for range labels {
		m.bias = append(m.bias, r.float())
		var out [Dim]float32
		for d := range out {
			out[d] = r.float()
		}
		m.output = append(m.output, out)
	}
	table := r.take(Dim << bits)
	if r.short || len(r.rest) > 0 || r.implausible {
		return nil, fmt.Errorf("%w: wrong length or an implausible weight", ErrFormat)
	}
	if err := checkLanguages(m.languages); err != nil {
		return nil, err
	}
	m.rows = make([]row, 1<<bits)
	for i := range m.rows {
		m.rows[i] = packRow(table[i*Dim : (i+1)*Dim])
	}
	return m, nil
}

func checkLanguages(codes []string) error {
	if !sort.StringsAreSorted(codes) {
		return fmt.Errorf("%w: labels aren't sorted", ErrFormat)
	}
	for i, code := range codes {
		if len(code) == 0 || len(code) > maxLabel || i > 0 && code == codes[i-1] {
			return fmt.Errorf("%w: label %q", ErrFormat, code)
		}
		for _, c := range []byte(code) {
			if (c < 'a' || c > 'z') && c != '-' {
				return fmt.Errorf("%w: label %q", ErrFormat, code)
			}
		}
	}
	return nil
}

// reader hands out zeros once the file is short, and remembers it.
type reader struct {
	rest               []byte
	short, implausible bool
}

func (r *reader) take(n int) []byte {
	if n > len(r.rest) {
		r.short, r.rest = true, nil
		return nil
	}
	out := r.rest[:n]
	r.rest = r.rest[n:]
	return out
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint16() uint16 {
	if b := r.take(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (r *reader) float() float32 {
	b := r.take(4)
	if b == nil {
		return 0
	}
	f := math.Float32frombits(binary.LittleEndian.Uint32(b))
	if !(f > -maxWeight && f < maxWeight) { // NaN is neither
		r.implausible = true
	}
	return f
}
