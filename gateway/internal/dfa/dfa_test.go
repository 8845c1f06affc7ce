package dfa_test

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"rsc.io/binaryregexp"

	"redoubt.example/gateway/internal/dfa"
)

// agree asks the automaton and package regexp the same.
func agree(t *testing.T, expression, text string) {
	t.Helper()
	set, err := dfa.New(expression)
	require.NoError(t, err)
	matched, known := set.Match(text)
	for !known {
		matched, known = set.Match(text)
	}
	require.Equal(t, regexp.MustCompile(expression).MatchString(text), matched, "%q in %q", expression, text)
}

func TestMeansWhatRegexpMeans(t *testing.T) {
	for _, expression := range []string{
		``, `a`, `^a`, `a$`, `(?m)^a$`, `(?m)a$`, `\ba\b`, `\Ba`, `a\B`, `\Aa\z`, `(?i)K`, `(?i)straSSe`, `[^a]`, `.`, `(?s).`, `a.b`, `(?s)a.b`,
		`a{2,3}b`, `(?:a|b)*c`, `a+?b`, `^$`, `(?m)^$`, `\b`, `\B`, `(a)(b)?`, `[\x{80}-\x{10ffff}]`, `\x{fffd}`, `é`, `(?i)é`, `x*`, `(?:^|x)a(?:$|y)`, `a\b.`, `(?m)\n^b`,
	} {
		for _, text := range []string{
			"", "a", "b", "ab", "ba", "aab", "aaab", "a b", "b a", "a\nb", "b\na", "\na\n", "\n", "\n\n", "K", "\u212a", "k", "strasse", "\u017ftrasse",
			"é", "É", "\xff", "a\xffb", "\xc3", "xa", "xay", "cab", "abc", "日本", " a ", "_a", "a_", strings.Repeat("ab", 50),
		} {
			agree(t, expression, text)
		}
	}
}

func TestBytes(t *testing.T) {
	for text, want := range map[string]bool{"\xbcscript\xbe": true, "\u00bcscript\u00be": true, "\xbcscript": false, "<script>": false} {
		set, err := dfa.NewBytes(`\x{bc}[^\xbe]*\xbe`)
		require.NoError(t, err)
		matched, known := set.Match(text)
		require.True(t, known)
		require.Equal(t, want, matched, "%q", text)
		require.Equal(t, binaryregexp.MustCompile(`\x{bc}[^\xbe]*\xbe`).MatchString(text), matched, "%q", text)
	}
}

func TestManyAtOnce(t *testing.T) {
	set, err := dfa.New(`\bselect\b`, `^GET`, `x$`, `(?i)<script`)
	require.NoError(t, err)
	for text, want := range map[string]bool{
		"selected": false, "a select b": true, "GET": true, "a GET": false, "box": true, "boxes": false, "<ScRiPt>": true, "": false,
	} {
		matched, known := set.Match(text)
		require.True(t, known)
		require.Equal(t, want, matched, text)
	}
	_, err = dfa.New("(")
	require.Error(t, err)
}

func TestManyAtATime(t *testing.T) {
	const expression = `(?i)\b(?:select|union|insert)\b.{0,20}\bfrom\b|[a-f]{3}x$`
	set, err := dfa.New(expression)
	require.NoError(t, err)
	re := regexp.MustCompile(expression)
	var group sync.WaitGroup
	for seed := range uint64(8) {
		group.Go(func() {
			random := rand.New(rand.NewPCG(seed%4, 1)) // two each build the same states
			words := []string{"select", "from", " ", "a", "abcx", "unions", "Insert", "é", "\n"}
			for range 2000 {
				text := ""
				for range random.IntN(12) {
					text += words[random.IntN(len(words))]
				}
				if matched, known := set.Match(text); known {
					assert.Equal(t, re.MatchString(text), matched, "%q", text)
				}
			}
		})
	}
	group.Wait()
}

func TestOneTextCannotKeepItBuilding(t *testing.T) {
	set, err := dfa.New(`(?s)a.{12}b`) // as many states as there are ways to place an a in twelve characters
	require.NoError(t, err)
	var text strings.Builder
	random := rand.New(rand.NewPCG(1, 1))
	for range 5000 {
		text.WriteByte("ac"[random.IntN(2)])
	}
	_, known := set.Match(text.String())
	require.False(t, known)
	require.LessOrEqual(t, set.States(), 65)
	for tries := 0; !known; tries++ {
		require.Less(t, tries, 100)
		var matched bool
		matched, known = set.Match(text.String())
		require.False(t, matched)
	}
}

func FuzzMatch(f *testing.F) {
	f.Add(`(?i)\b(?:select|union)\b.*from`, "SELECT a FROM b")
	f.Add(`(?m)^a|b$`, "x\na\nb")
	f.Add(`\x{fffd}|[^\x00-\x7f]`, "\xff\xfe")
	f.Fuzz(func(t *testing.T, expression, text string) {
		if len(expression) > 200 || len(text) > 2000 {
			return
		}
		re, err := regexp.Compile(expression)
		if err != nil {
			return
		}
		set, err := dfa.New(expression)
		require.NoError(t, err)
		matched, known := set.Match(text)
		if known {
			require.Equal(t, re.MatchString(text), matched, "%q in %q", expression, text)
		}
	})
}
