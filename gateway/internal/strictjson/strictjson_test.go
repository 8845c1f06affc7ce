package strictjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/strictjson"
)

func TestRefuses(t *testing.T) {
	for text, reason := range map[string]string{
		``:                                 "a value was expected",
		` `:                                "a value was expected",
		`{`:                                "a name in quotes",
		`{"a"}`:                            "a colon",
		`{"a":}`:                           "a value was expected",
		`{"a":1,}`:                         "a name in quotes",
		`{a:1}`:                            "a name in quotes",
		`{'a':1}`:                          "a name in quotes",
		`[1,]`:                             "a value was expected",
		`[1 2]`:                            "a comma",
		`[1]]`:                             "more than one value",
		`1 2`:                              "more than one value",
		`nul`:                              "a value was expected",
		`NaN`:                              "a value was expected",
		`01`:                               "more than one value",
		`+1`:                               "a value was expected",
		`.5`:                               "a value was expected",
		`1.`:                               "a digit",
		`1e`:                               "a digit",
		`-`:                                "a digit",
		`1e999`:                            "too large",
		strings.Repeat("9", 41):            "too many digits",
		`"a`:                               "no end",
		`"a\`:                              "no end",
		"\"a\nb\"":                         "control character",
		"\"\\n\n\"":                        "control character",
		"\"\n\\n\"":                        "control character",
		"\"0123456\t789\"":                 "control character",
		"\"01234567\x1f\"":                 "control character",
		`"\x41"`:                           "an escape",
		`"\u12"`:                           "an escape",
		`"\u+123"`:                         "an escape",
		"\"\xff\"":                         "not UTF-8",
		"\"\\n\xff\"":                      "not UTF-8",
		"\"\xed\xa0\x80\"":                 "not UTF-8",
		`"\ud800"`:                         "surrogate",
		`"\ud800\u0041"`:                   "surrogate",
		`"\udc00\ud800"`:                   "surrogate",
		`"\u0000"`:                         "U+0000",
		"\"\x00\"":                         "control character",
		"\ufeff{}":                         "a value was expected",
		"/**/1":                            "a value was expected",
		`{"a":1,"a":1}`:                    "given twice",
		`{"a":1,"\u0061":2}`:               "given twice",
		`[{"b":{"a":1,"c":2,"a":1}}]`:      "given twice",
		strings.Repeat("[", 33):            "nested more than 32",
		strings.Repeat(`{"a":`, 40) + "1":  "nested more than 32",
		"[" + strings.Repeat("0,", 10_000): "more than 10000 values",
	} {
		_, err := strictjson.Decode([]byte(text))
		var bad *strictjson.Error
		require.ErrorAs(t, err, &bad, "%.40q", text)
		require.Contains(t, bad.Error(), reason, "%.40q", text)
	}
}

func TestAccepts(t *testing.T) {
	value, err := strictjson.Decode([]byte(" {\"a\\u00e9\\ud83d\\ude00\\n/\\/\": [1, -2.5e1, true, false, null, \"\u00fc\", {}, [], 9007199254740993]}\r\n"))
	require.NoError(t, err)
	require.Equal(t, map[string]any{"a\u00e9\U0001F600\n//": []any{int64(1), -25.0, true, false, nil, "\u00fc", map[string]any{}, []any{}, int64(9007199254740993)}}, value)
	_, err = strictjson.Decode([]byte(strings.Repeat("[", 32) + strings.Repeat("]", 32)))
	require.NoError(t, err)
}

// FuzzDecode: what we accept, encoding/json accepts as the same value; what we refuse beyond that is in the package's comment.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5e-3,"\ud83d\ude00",null,true]}`, `{"a":1,"a":2}`, `"\u0000"`, `[[[]]]`, `1e999`, "\"\xff\"", `{"":{}}`, `-0`, `"\/"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		value, err := strictjson.Decode(text)
		var bad *strictjson.Error
		if err != nil && !errors.As(err, &bad) {
			t.Fatalf("another error: %v", err)
		}
		if err == nil {
			if !json.Valid(text) || !utf8.Valid(text) {
				t.Fatalf("accepted what isn't JSON: %q", text)
			}
			var want any
			dec := json.NewDecoder(bytes.NewReader(text))
			if err := dec.Decode(&want); err != nil {
				t.Fatalf("encoding/json refuses: %v", err)
			}
			ours, _ := json.Marshal(value)
			theirs, _ := json.Marshal(want)
			var a, b any
			_, _ = json.Unmarshal(ours, &a), json.Unmarshal(theirs, &b)
			require.Equal(t, b, a, "%q", text)
			return
		}
		if !json.Valid(text) {
			return
		}
		for _, strict := range []string{"given twice", "UTF-8", "surrogate", "U+0000", "nested", "values", "digits", "too large"} {
			if strings.Contains(bad.Reason, strict) {
				return
			}
		}
		t.Fatalf("refused good JSON %q: %v", text, err)
	})
}

func BenchmarkDecode(b *testing.B) {
	for name, size := range map[string]int{"1KB": 1 << 10, "256KB": 256 << 10} {
		text := []byte(`{"title":"Minutes","text":"` + strings.Repeat("Guten Tag, ", size/11) + `","metadata":{"origin":"board"}}`)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := strictjson.Decode(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
