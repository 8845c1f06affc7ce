package trainer

import (
	"math/rand/v2"
	"strings"

	"redoubt.example/services/inference/train/corpus"
)

const samplesPerSentence = 4

// augment makes of sentence i what real input looks like: the whole, two fragments, and two sentences joined;
// some of it in lower case or capitals.
func augment(random *rand.Rand, all []corpus.Sentence, i int) [samplesPerSentence]string {
	text := all[i].Text
	return [samplesPerSentence]string{
		recase(random, text),
		recase(random, fragment(random, text, 8, 30)),
		recase(random, fragment(random, text, 15, 60)),
		recase(random, text+" "+sibling(random, all, i)),
	}
}

func recase(random *rand.Rand, text string) string {
	switch random.IntN(8) {
	case 0:
		return strings.ToUpper(text)
	case 1, 2:
		return strings.ToLower(text)
	}
	return text
}

// fragment is a run of whole words, or of characters where there are no spaces, of about least to most characters.
func fragment(random *rand.Rand, text string, least, most int) string {
	runes := []rune(text)
	length := least + random.IntN(most-least+1)
	if len(runes) <= length {
		return text
	}
	start := random.IntN(len(runes) - length)
	end := start + length
	for start > 0 && runes[start-1] != ' ' && strings.ContainsRune(text, ' ') {
		start--
	}
	for end < len(runes) && runes[end] != ' ' && strings.ContainsRune(text, ' ') {
		end++
	}
	return string(runes[start:end])
}

// sibling is another sentence of the same language: the corpus keeps those together.
func sibling(random *rand.Rand, all []corpus.Sentence, i int) string {
	j := min(max(i+random.IntN(21)-10, 0), len(all)-1)
	if all[j].Language != all[i].Language {
		j = i
	}
	return all[j].Text
}
