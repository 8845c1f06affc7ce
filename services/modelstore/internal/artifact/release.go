package artifact

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"path"
	"time"
)

// Releases lists what a tree of <name>/<version>/{model.bin, model.json} holds. model.json says when the model was
// made ("created_at", RFC 3339), so that publishing it twice gives the same manifest; the rest of it is for people.
func Releases(tree fs.FS) ([]Release, error) {
	files, err := fs.Glob(tree, "*/*/model.json")
	if err != nil {
		return nil, err
	}
	releases := make([]Release, 0, len(files))
	for _, file := range files {
		r, err := release(tree, path.Dir(file))
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		releases = append(releases, r)
	}
	return releases, nil
}

func release(tree fs.FS, dir string) (Release, error) {
	text, err := fs.ReadFile(tree, path.Join(dir, "model.json"))
	if err != nil {
		return Release{}, err
	}
	var about struct {
		CreatedAt time.Time `json:"created_at"`
	}
	if err := json.Unmarshal(text, &about); err != nil {
		return Release{}, err
	}
	name, version := path.Split(dir)
	return Release{
		Name: path.Clean(name), Version: version, CreatedAt: about.CreatedAt,
		Open: func() (io.ReadCloser, error) { return tree.Open(path.Join(dir, "model.bin")) },
	}, nil
}
