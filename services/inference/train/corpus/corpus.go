// Package corpus holds the sentences that the language identifier is trained and measured on: one file for each
// language, one sentence on each line, on the same subjects, written for this repository.
package corpus

import (
	"embed"
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"
)

//go:embed *.txt
var files embed.FS

// Of heldOutEvery lines one is never trained on. Close languages say the same in the same line, so a held-out sentence
// isn't in training as its neighbour's translation either.
const heldOutEvery = 4

// Sentence is one example.
type Sentence struct {
	Language string // ISO 639-1
	Text     string
}

// Load splits the corpus into what is trained on and what is only measured on, in a fixed order.
func Load() (training, heldOut []Sentence, err error) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, nil, fmt.Errorf("list corpus: %w", err)
	}
	for _, entry := range entries {
		text, err := files.ReadFile(entry.Name())
		if err != nil {
			return nil, nil, fmt.Errorf("read corpus: %w", err)
		}
		language := strings.TrimSuffix(entry.Name(), ".txt")
		for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
			s := Sentence{Language: language, Text: line}
			if i%heldOutEvery == heldOutEvery-1 {
				heldOut = append(heldOut, s)
			} else {
				training = append(training, s)
			}
		}
	}
	return training, heldOut, nil
}

// Languages are the codes that occur in sentences, sorted.
func Languages(sentences []Sentence) []string {
	var codes []string
	seen := map[string]bool{}
	for _, s := range sentences {
		if !seen[s.Language] {
			seen[s.Language] = true
			codes = append(codes, s.Language)
		}
	}
	sort.Strings(codes)
	return codes
}

// Fragments cuts every sentence into consecutive pieces of at most limit characters, at spaces where the language
// has them. A piece shorter than a third of limit is dropped: a rest of one word is a riddle, not a test.
func Fragments(sentences []Sentence, limit int) []Sentence {
	var out []Sentence
	for _, s := range sentences {
		for rest := []rune(s.Text); len(rest) > 0; {
			end := min(limit, len(rest))
			if end < len(rest) {
				for cut := end; cut > limit/3; cut-- {
					if rest[cut] == ' ' {
						end = cut
						break
					}
				}
			}
			piece := strings.TrimSpace(string(rest[:end]))
			rest = rest[end:]
			if utf8.RuneCountInString(piece) >= limit/3 {
				out = append(out, Sentence{Language: s.Language, Text: piece})
			}
		}
	}
	return out
}
