// Command train makes the language identifier's weights from the corpus beside it and prints how good they are:
//
//	go run ./services/inference/train            # writes services/modelstore/models/langid/1
//	go run ./services/inference/train -out ""    # only measures
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"redoubt.example/services/inference/internal/langid"
	"redoubt.example/services/inference/train/corpus"
	"redoubt.example/services/inference/train/trainer"
)

func main() {
	cfg := trainer.Default
	out := flag.String("out", "services/modelstore/models/langid/1", "folder for model.bin and model.json")
	flag.Uint64Var(&cfg.Seed, "seed", cfg.Seed, "seed of the random numbers")
	flag.IntVar(&cfg.Epochs, "epochs", cfg.Epochs, "passes over the corpus")
	flag.Parse()
	if err := run(cfg, *out); err != nil {
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(1)
	}
}

func run(cfg trainer.Config, out string) error {
	training, heldOut, err := corpus.Load()
	if err != nil {
		return err
	}
	fmt.Printf("training on %d sentences in %d languages\n", len(training), len(corpus.Languages(training)))
	started := time.Now()
	weights := trainer.Train(cfg, training, func(epoch int, loss float64) {
		if epoch%10 == 9 {
			fmt.Printf("  epoch %2d  loss %.4f  %s\n", epoch+1, loss, time.Since(started).Round(100*time.Millisecond))
		}
	})
	file, err := weights.Encode()
	if err != nil {
		return err
	}
	model, err := langid.Load(file)
	if err != nil {
		return err
	}
	trainer.Measure(model, training).Write(os.Stdout, "training sentences")
	whole := trainer.Measure(model, heldOut)
	whole.Write(os.Stdout, "held-out sentences")
	short := trainer.Measure(model, corpus.Fragments(heldOut, trainer.ShortLimit))
	short.Write(os.Stdout, fmt.Sprintf("held-out fragments of at most %d characters", trainer.ShortLimit))
	if out == "" {
		return nil
	}
	return write(out, file, describe(model, whole, short))
}
