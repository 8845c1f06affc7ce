package openai

import (
	"context"
	"regexp"

	"redoubt.example/services/platform/controls"
	"redoubt.example/services/platform/fault"
)

// turnToken is what opens or closes a turn of the conversation in the template of a chat model: ChatML's and its many
// relatives' <|im_start|>, Llama 2's and Mistral's [INST] and <<SYS>>, Gemma's <start_of_turn>, with DeepSeek's wide bars.
// A server that fills a template without escaping, as the common ones do, reads it in a principal's text just so: what
// follows is then the operator's word. Tokens that open no turn by themselves, like </s>, which is HTML too, are left alone.
var turnToken = regexp.MustCompile(`(?i)<[|｜][^\s<>|｜]{1,64}[|｜]>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>`)

// checkPrompt refuses an input that would leave its own turn. It can't tell a persuasive text from an honest one, and
// doesn't try: a model's answer is data to whoever gets it.
func checkPrompt(ctx context.Context, input string) error {
	if !controls.On(controls.AppPrompt) || !turnToken.MatchString(input) {
		return nil
	}
	controls.Record(ctx, controls.AppPrompt, controls.Deny, "the input holds a control token of a chat template")
	return fault.New(fault.Unprocessable, "the input holds a control token of a chat template, such as <|im_start|>")
}
