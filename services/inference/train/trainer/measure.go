package trainer

import (
	"fmt"
	"io"
	"sort"
	"strings"

	"redoubt.example/services/inference/internal/langid"
	"redoubt.example/services/inference/train/corpus"
)

// Tally counts answers, right and all.
type Tally struct{ Right, All int }

// Accuracy is the share of right answers.
func (t Tally) Accuracy() float64 {
	if t.All == 0 {
		return 0
	}
	return float64(t.Right) / float64(t.All)
}

// Result is what a model makes of sentences whose language is known.
type Result struct {
	Overall    Tally
	ByLanguage map[string]Tally
	Confused   map[string]int // "da as nb": how often
}

// Measure classifies every sentence.
func Measure(m *langid.Model, sentences []corpus.Sentence) Result {
	r := Result{ByLanguage: map[string]Tally{}, Confused: map[string]int{}}
	for _, s := range sentences {
		t := r.ByLanguage[s.Language]
		t.All++
		r.Overall.All++
		if got := m.Classify(s.Text).Language; got == s.Language {
			t.Right++
			r.Overall.Right++
		} else {
			r.Confused[s.Language+" as "+got]++
		}
		r.ByLanguage[s.Language] = t
	}
	return r
}

// Write prints the result for people.
func (r Result) Write(w io.Writer, title string) {
	fmt.Fprintf(w, "%s: %.2f %% right (%d of %d)\n", title, 100*r.Overall.Accuracy(), r.Overall.Right, r.Overall.All)
	var parts []string
	for _, language := range sortedKeys(r.ByLanguage) {
		parts = append(parts, fmt.Sprintf("%s %.0f", language, 100*r.ByLanguage[language].Accuracy()))
	}
	fmt.Fprintf(w, "  by language, %%: %s\n", strings.Join(parts, ", "))
	parts = nil
	for _, pair := range sortedKeys(r.Confused) {
		parts = append(parts, fmt.Sprintf("%s %dx", pair, r.Confused[pair]))
	}
	if len(parts) > 0 {
		fmt.Fprintf(w, "  taken for another: %s\n", strings.Join(parts, ", "))
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// ShortLimit is the length, in characters, of what counts as a short text.
const ShortLimit = 30
