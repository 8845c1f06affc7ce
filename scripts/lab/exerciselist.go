package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"redoubt.example/scripts/internal/exercise"
	"redoubt.example/scripts/internal/term"
	"redoubt.example/threatmodel"
)

// listedExercise is one of `lab exercise list --json`.
type listedExercise struct {
	threatmodel.Exercise
	exercise.Entry
}

func (a *app) exerciseList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "All exercises, and how far you are",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			all, progress, err := a.exercises()
			if err != nil {
				return err
			}
			list := struct {
				Exercises []listedExercise `json:"exercises"`
			}{[]listedExercise{}}
			for _, e := range all {
				list.Exercises = append(list.Exercises, listedExercise{e, progress.Of(e.ID)})
			}
			out := a.output()
			return out.Print(list, func(w io.Writer) error {
				table := &term.Table{Headers: []string{"", "level", "about", "~title", "state", ">points"}}
				for _, e := range list.Exercises {
					state := term.Text(e.State)
					if e.State == exercise.Solved {
						state.Style = term.Good
					}
					table.Add(term.Text(e.Number()), term.Text(e.Level), term.Text(e.Subject), term.Text(e.Title), state, count(e.Points))
				}
				return table.Write(w, out.Colour)
			})
		},
	}
}

func (a *app) exerciseProgress() *cobra.Command {
	return &cobra.Command{
		Use:   "progress",
		Short: "What you have solved, and with how many hints",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			all, progress, err := a.exercises()
			if err != nil {
				return err
			}
			out := a.output()
			return out.Print(progress, func(w io.Writer) error {
				solved, points := 0, 0
				table := &term.Table{Headers: []string{"exercise", "state", ">checks", ">hints", ">points"}}
				for _, e := range all {
					entry := progress.Of(e.ID)
					if entry.State == exercise.Open {
						continue
					}
					if entry.State == exercise.Solved {
						solved++
					}
					points += entry.Points
					table.Add(term.Text(e.ID), term.Text(entry.State), count(entry.Checks), count(entry.Hints), count(entry.Points))
				}
				if err := table.Write(w, out.Colour); err != nil {
					return err
				}
				_, err := fmt.Fprintf(w, "\n%d of %d solved, %d points\n", solved, len(all), points)
				return err
			})
		},
	}
}
