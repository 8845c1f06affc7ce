package inference

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSentences bounds the chunks of one stream; the last one then holds the rest.
const maxSentences = 2048

// sentence is a piece of a text, trimmed.
type sentence struct {
	text   string
	offset int // bytes
}

// sentences cuts a text at line ends and after the marks that end a sentence: Latin and Devanagari ones where white
// space follows (a decimal point ends nothing), Chinese and Japanese ones anywhere.
func sentences(text string) []sentence {
	var out []sentence
	start := 0
	cut := func(end int) {
		piece := text[start:end]
		trimmed := strings.TrimLeftFunc(piece, unicode.IsSpace)
		offset := start + len(piece) - len(trimmed)
		if trimmed = strings.TrimRightFunc(trimmed, unicode.IsSpace); trimmed != "" {
			out = append(out, sentence{trimmed, offset})
		}
		start = end
	}
	for i, r := range text {
		if len(out) == maxSentences-1 {
			break
		}
		end := i + utf8.RuneLen(r)
		switch {
		case r == '\n', strings.ContainsRune("。！？", r):
			cut(end)
		case strings.ContainsRune(".!?…؟।", r):
			if next, _ := utf8.DecodeRuneInString(text[end:]); unicode.IsSpace(next) {
				cut(end)
			}
		}
	}
	cut(len(text))
	return out
}
