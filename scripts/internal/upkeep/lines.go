package upkeep

import (
	"go/scanner"
	"go/token"
	"os"
)

// count is the number of a Go file's lines that hold code: neither blank nor only a comment.
func count(file string) (lines int, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	set := token.NewFileSet()
	source := set.AddFile(file, -1, len(text))
	var s scanner.Scanner
	s.Init(source, text, nil, 0) // without comments
	seen := 0
	for {
		at, kind, literal := s.Scan()
		if kind == token.EOF {
			return lines, nil
		}
		if kind == token.SEMICOLON && literal == "\n" {
			continue
		}
		if line := source.Line(at); line > seen {
			lines++
			seen = line
		}
	}
}
