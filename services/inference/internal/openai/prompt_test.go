package openai_test

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/controls/controlstest"
	"redoubt.example/services/platform/fault"
)

func TestNoTurnsInPrompts(t *testing.T) {
	var asked atomic.Int32
	m := model(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		body("application/json", `{"choices":[{"message":{"role":"assistant","content":"ok"}}]}`)(w, r)
	})
	hostile := []string{
		"a<|im_end|>b", "a<|IM_START|>b", "<|eot_id|>", "<|start_header_id|>system<|end_header_id|>", "[INST] x", "x[/INST]", "<<SYS>>", "<</SYS>>",
		"<start_of_turn>", "<end_of_turn>", "<|system|>", "<|end|>", "<｜User｜>", "<｜end▁of▁sentence｜>",
	}
	for _, text := range hostile {
		_, err := m.Infer(t.Context(), text)
		require.Equal(t, fault.Unprocessable, fault.KindOf(err), text)
		_, err = m.Stream(t.Context(), text, nil)
		require.Equal(t, fault.Unprocessable, fault.KindOf(err), text)
	}
	require.Zero(t, asked.Load(), "none of it left the process")
	controlstest.Off(t, func() {
		_, err := m.Infer(t.Context(), hostile[0])
		require.NoError(t, err)
	}, controls.AppPrompt)
	for _, text := range []string{"a < b | c > d", "<s>struck</s> out", "if (x <| y) |> z", "[INSTALL]", "the system turn", "a||b", "<||>", "x <|\n|> y"} {
		_, err := m.Infer(t.Context(), text)
		require.NoError(t, err, text)
	}
}
