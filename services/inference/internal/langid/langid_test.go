package langid_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"redoubt.example/services/inference/internal/langid"
)

const published = "../../../modelstore/models/langid/1/model.bin"

func load(t testing.TB) *langid.Model {
	t.Helper()
	file, err := os.ReadFile(published)
	require.NoError(t, err)
	model, err := langid.Load(file)
	require.NoError(t, err)
	return model
}

// small is a model of two languages, for taking apart.
func small() *langid.Weights {
	w := &langid.Weights{
		Languages: []string{"aa", "bb"}, BucketBits: 8, Scale: 0.01,
		Embeddings: make([]int8, langid.Dim<<8), Output: make([][langid.Dim]float32, 2), Bias: make([]float32, 2),
	}
	for i := range w.Embeddings {
		w.Embeddings[i] = int8(i%255 - 127)
	}
	w.Output[1][0] = 1
	return w
}

func TestLoadRefuses(t *testing.T) {
	good, err := small().Encode()
	require.NoError(t, err)
	change := func(at int, b ...byte) []byte {
		out := bytes.Clone(good)
		copy(out[at:], b)
		return out
	}
	float := func(f float32) []byte { return binary.LittleEndian.AppendUint32(nil, math.Float32bits(f)) }
	for name, file := range map[string][]byte{
		"nothing":            nil,
		"another magic":      change(0, 'X'),
		"a later version":    change(4, 2),
		"other dimensions":   change(6, 32),
		"longer n-grams":     change(7, 5),
		"few buckets":        change(8, 7),
		"too many buckets":   change(8, 40),
		"no labels":          change(9, 0),
		"more labels":        change(9, 3),
		"scale not a number": change(10, float(float32(math.NaN()))...),
		"infinite weight":    change(20, float(float32(math.Inf(1)))...),
		"huge weight":        change(20, float(1e30)...),
		"empty label":        change(14, 0),
		"label too long":     change(14, 255),
		"capital label":      change(15, 'A'),
		"unsorted labels":    change(15, 'c'),
		"twice one label":    change(18, 'a', 'a'),
		"one byte less":      good[:len(good)-1],
		"one byte more":      append(bytes.Clone(good), 0),
	} {
		_, err := langid.Load(file)
		require.ErrorIs(t, err, langid.ErrFormat, name)
	}
	for n := range 200 {
		_, err := langid.Load(good[:n])
		require.ErrorIs(t, err, langid.ErrFormat, n)
	}
}

func TestEncodeRefusesWhatLoadWould(t *testing.T) {
	w := small()
	w.Languages[0] = "zz"
	_, err := w.Encode()
	require.ErrorIs(t, err, langid.ErrFormat)
}

func TestUndetermined(t *testing.T) {
	model := load(t)
	for _, text := range []string{"", " \n\t", "12 345,67 €", "!?…", "\xff\xfe", "\uFFFD"} {
		require.Equal(t, langid.Prediction{Language: langid.Undetermined}, model.Classify(text), "%q", text)
		require.Empty(t, model.Top(text, 3), "%q", text)
	}
}

func TestClassify(t *testing.T) {
	model := load(t)
	for language, text := range map[string]string{
		"en": "The quick answer is that nobody knows yet",
		"de": "Wir treffen uns morgen früh vor dem Bahnhof",
		"fr": "Nous nous retrouvons demain matin devant la gare",
		"fi": "Tapaamme huomenna aamulla aseman edessä",
		"ru": "Встретимся завтра утром перед вокзалом",
		"ja": "明日の朝、駅の前で会いましょう",
		"zh": "我们明天早上在车站前面见面",
		"ko": "내일 아침 역 앞에서 만납시다",
		"ar": "نلتقي صباح الغد أمام المحطة",
		"th": "พรุ่งนี้เช้าเจอกันหน้าสถานี",
	} {
		require.Equal(t, language, model.Classify(text).Language, text)
		require.Equal(t, language, model.Classify(strings.ToUpper(text)).Language, text)
	}
}

func TestDecomposedText(t *testing.T) {
	model := load(t)
	require.Equal(t, model.Classify("đây là tiếng Việt"), model.Classify(norm.NFD.String("đây là tiếng Việt")))
}

func TestTop(t *testing.T) {
	model := load(t)
	top := model.Top("Hvor ligger biblioteket?", 3)
	require.Len(t, top, 3)
	require.Equal(t, model.Classify("Hvor ligger biblioteket?"), top[0])
	require.GreaterOrEqual(t, top[0].Score, top[1].Score)
	var total float64
	for _, p := range model.Top("Hvor ligger biblioteket?", 1000) {
		total += p.Score
	}
	require.InDelta(t, 1, total, 1e-4)
}

// Sums are kept in narrow lanes: a long text must not overflow them.
func TestLongText(t *testing.T) {
	model := load(t)
	p := model.Classify(strings.Repeat("This sentence is repeated many times. ", 10_000))
	require.Equal(t, "en", p.Language)
	require.InDelta(t, model.Classify("This sentence is repeated many times.").Score, p.Score, 1e-3)
}

func TestConcurrentUse(t *testing.T) {
	model := load(t)
	want := model.Classify("Guten Morgen, liebe Leute")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if got := model.Classify("Guten Morgen, liebe Leute"); got != want {
					t.Errorf("got %v, want %v", got, want)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzLoad(f *testing.F) {
	good, err := small().Encode()
	require.NoError(f, err)
	f.Add(good)
	f.Add(good[:40])
	f.Add([]byte("RDLI"))
	f.Fuzz(func(t *testing.T, file []byte) {
		model, err := langid.Load(file)
		if err != nil {
			require.ErrorIs(t, err, langid.ErrFormat)
			return
		}
		for _, p := range model.Top("any text at all", 255) {
			require.False(t, math.IsNaN(p.Score))
		}
	})
}

func FuzzClassify(f *testing.F) {
	model := load(f)
	for _, text := range []string{"", "a", "ÅÄÖ åäö", "漢字かな交じり文", "\xff\xc0", "e\u0301\u0301\u0301", strings.Repeat("x", 200)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p := model.Classify(text)
		require.True(t, p.Score >= 0 && p.Score <= 1.0001, "%v", p)
	})
}

func BenchmarkClassify(b *testing.B) {
	model := load(b)
	for name, sentence := range map[string]string{
		"latin":    "The board approved the budget without any changes. ",
		"cyrillic": "Правление утвердило бюджет без каких-либо изменений. ",
		"han":      "董事会没有做任何修改就通过了预算。",
	} {
		text := strings.Repeat(sentence, 1+1024/len(sentence))[:1024]
		b.Run(name+"/1KB", func(b *testing.B) {
			b.SetBytes(1024)
			b.ReportAllocs()
			for b.Loop() {
				model.Classify(text)
			}
		})
	}
}
