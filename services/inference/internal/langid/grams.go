package langid

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	// maxGram is the longest character n-gram. Four characters hold most endings and function words, which is what
	// sets close languages apart.
	maxGram = 4
	// maxWord splits scripts that don't put spaces between words, and bounds the buffers below.
	maxWord = 48

	boundary = '_'

	hashOffset = 2166136261
	hashPrime  = 16777619
	scriptSalt = 0x5bd1e995
)

// Grams appends the bucket of every feature of text to dst: for each word the hashed character n-grams, and for each
// character of a script that isn't Latin that script. Training and classifying both see text through this function.
func Grams(dst []uint32, text string, bucketBits uint) []uint32 {
	s := newScanner(text)
	for s.next() {
		dst = s.grams(dst, 32-bucketBits)
	}
	return dst
}

// scanner walks the words of a text in normal form C and lower case, with a boundary on both sides.
type scanner struct {
	text string
	word [maxWord + 2]rune
	n    int
}

func newScanner(text string) scanner {
	if !norm.NFC.IsNormalString(text) {
		text = norm.NFC.String(text)
	}
	return scanner{text: text}
}

func (s *scanner) next() bool {
	s.word[0], s.n = boundary, 1
	for len(s.text) > 0 {
		r, size := rune(s.text[0]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s.text)
		}
		lower, ok := wordRune(r)
		if ok {
			if s.n > maxWord { // keep the character for the next piece
				break
			}
			s.word[s.n] = lower
			s.n++
		}
		s.text = s.text[size:]
		if !ok && s.n > 1 {
			break
		}
	}
	if s.n == 1 {
		return false
	}
	s.word[s.n] = boundary
	s.n++
	return true
}

// wordRune says whether r belongs to a word, and its lower case. Digits, punctuation, symbols and invalid UTF-8 say
// nothing about a language; marks do (Hindi, Thai and Arabic write vowels with them).
func wordRune(r rune) (rune, bool) {
	switch {
	case 'a' <= r && r <= 'z':
		return r, true
	case 'A' <= r && r <= 'Z':
		return r + ('a' - 'A'), true
	case r < utf8.RuneSelf, r == utf8.RuneError:
		return 0, false
	case unicode.IsLetter(r):
		return unicode.ToLower(r), true
	}
	return r, unicode.IsMark(r)
}

// grams appends the features of the current word. The hash is FNV-1a over characters, finished by a multiplication
// so that the high bits, which pick the bucket, depend on all of them.
func (s *scanner) grams(dst []uint32, shift uint) []uint32 {
	word := s.word[:s.n]
	for i := range word {
		h := uint32(hashOffset)
		for n, r := range word[i:min(i+maxGram, len(word))] {
			h = (h ^ uint32(r)) * hashPrime
			if n == 0 && r == boundary {
				continue
			}
			dst = append(dst, bucket(h, shift))
		}
		if id := script(word[i]); id != 0 {
			dst = append(dst, bucket((scriptSalt^id)*hashPrime, shift))
		}
	}
	return dst
}

func bucket(h uint32, shift uint) uint32 {
	h ^= h >> 15
	return (h * 0x9e3779b1) >> shift
}

// script numbers the blocks whose characters training can't all have seen; 0 is Latin and everything else.
func script(r rune) uint32 {
	switch {
	case r < 0x370:
		return 0
	case r < 0x400:
		return 1 // Greek
	case r < 0x530:
		return 2 // Cyrillic
	case r >= 0x590 && r < 0x600:
		return 3 // Hebrew
	case r >= 0x600 && r < 0x780:
		return 4 // Arabic
	case r >= 0x900 && r < 0x980:
		return 5 // Devanagari
	case r >= 0xe00 && r < 0xe80:
		return 6 // Thai
	case r >= 0x3040 && r < 0x3100:
		return 7 // Hiragana, Katakana
	case r >= 0x3400 && r < 0xa000:
		return 8 // Han
	case r >= 0xac00 && r < 0xd7b0, r >= 0x1100 && r < 0x1200:
		return 9 // Hangul
	}
	return 0
}
