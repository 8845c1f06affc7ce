package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/exit"
)

func (a *app) threatRender() *cobra.Command {
	var check bool
	cmd := &cobra.Command{
		Use:   "render",
		Short: "Write threatmodel/README.md and its diagrams from the model",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			m, err := loadThreats()
			if err != nil {
				return err
			}
			if problems := m.Problems(); len(problems) > 0 {
				return fmt.Errorf("the model doesn't fit together: %s", strings.Join(problems, "; "))
			}
			repo, err := repository()
			if err != nil {
				return err
			}
			files, err := m.Render()
			if err != nil {
				return err
			}
			result := rendered{Folder: "threatmodel", Changed: []string{}}
			for name, text := range files {
				path := filepath.Join(repo, result.Folder, name)
				result.Files = append(result.Files, name)
				if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, text) {
					continue
				}
				result.Changed = append(result.Changed, name)
				if !check {
					if err := os.WriteFile(path, text, 0o644); err != nil {
						return err
					}
				}
			}
			slices.Sort(result.Files)
			slices.Sort(result.Changed)
			if check && len(result.Changed) > 0 {
				return exit.Mend(fmt.Errorf("the model has changed, but not %s", strings.Join(result.Changed, ", ")), "lab threat render")
			}
			return a.output().Print(result, result.write)
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "change nothing; fail if one isn't current")
	return cmd
}
