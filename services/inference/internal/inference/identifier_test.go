package inference_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/inference/internal/inference"
	"redoubt.example/services/inference/internal/langid"
	"redoubt.example/services/platform/fault"
)

func identifier(t *testing.T) *inference.Identifier {
	t.Helper()
	file, err := os.ReadFile("../../../modelstore/models/langid/1/model.bin")
	require.NoError(t, err)
	model, err := langid.Load(file)
	require.NoError(t, err)
	i := &inference.Identifier{}
	i.Use(model, "1")
	return i
}

func TestIdentifierBeforeItsModel(t *testing.T) {
	i := &inference.Identifier{}
	require.Error(t, i.Ready())
	_, err := i.Infer(t.Context(), "text")
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
	_, err = i.Stream(t.Context(), "text", nil)
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
}

func TestIdentifierStreamEndsWithItsCaller(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	sent := 0
	_, err := identifier(t).Stream(ctx, "One sentence. Another sentence.", func(inference.Chunk) error { sent++; cancel(); return nil })
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 1, sent)
}

func TestIdentifierStream(t *testing.T) {
	const text = " The train is late again today.\nDer Zug hat heute wieder Verspätung! Version 1.5 of what?\n\n今日は電車が遅れています。明日は大丈夫でしょう。 1234."
	want := []struct{ language, text string }{
		{"en", "The train is late again today."},
		{"de", "Der Zug hat heute wieder Verspätung!"},
		{"en", "Version 1.5 of what?"},
		{"ja", "今日は電車が遅れています。"},
		{"ja", "明日は大丈夫でしょう。"},
		{langid.Undetermined, "1234."},
	}
	var got []inference.Chunk
	end, err := identifier(t).Stream(t.Context(), text, func(c inference.Chunk) error { got = append(got, c); return nil })
	require.NoError(t, err)
	require.Equal(t, "1", end.Version)
	require.Len(t, got, len(want))
	for i, w := range want {
		require.Equal(t, w.text, got[i].Text)
		require.Equal(t, w.language, got[i].Labels[0].Label, w.text)
		require.Equal(t, w.text, text[got[i].Offset:][:len(w.text)], "the offset finds the chunk")
	}
}

func TestIdentifierStreamIsBounded(t *testing.T) {
	chunks, bytes := 0, 0
	_, err := identifier(t).Stream(t.Context(), strings.Repeat("a. ", 50_000), func(c inference.Chunk) error {
		chunks++
		bytes += len(c.Text)
		return nil
	})
	require.NoError(t, err)
	require.LessOrEqual(t, chunks, 2048)
	require.Greater(t, bytes, 100_000, "the last chunk has the rest")
}

func TestIdentifierInfer(t *testing.T) {
	result, err := identifier(t).Infer(t.Context(), "Wir treffen uns morgen früh am Bahnhof")
	require.NoError(t, err)
	require.Len(t, result.Labels, 3)
	require.Equal(t, "de", result.Labels[0].Label)
	result, err = identifier(t).Infer(t.Context(), "12345")
	require.NoError(t, err)
	require.Equal(t, []inference.Label{{Label: langid.Undetermined}}, result.Labels)
}
