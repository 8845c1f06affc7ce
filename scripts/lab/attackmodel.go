package main

import (
	"errors"
	"os"

	"redoubt.example/scripts/internal/chat"
)

// languageModel is the setting that puts a language model behind inference.
const languageModel = "REDOUBT_INFERENCE_UPSTREAM"

// setAttackLab says to the lab that is started next what an attack may need of it. It returns what ends that again.
func setAttackLab() (undo func(), err error) {
	model, err := setAttackModel()
	if err != nil {
		return nil, err
	}
	limits, err := setAttackLimits()
	return func() { limits(); model() }, err
}

// setAttackModel puts a stand-in behind inference, unless somebody has named a server of theirs.
func setAttackModel() (undo func(), err error) {
	if os.Getenv(languageModel) != "" {
		return func() {}, nil
	}
	server, err := chat.Start()
	if err != nil {
		return nil, err
	}
	return func() { _ = server.Close() }, errors.Join(os.Setenv(languageModel, server.URL), os.Setenv(languageModel+"_MODEL", chat.Model))
}
