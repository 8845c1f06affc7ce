package threatmodel

import (
	"bytes"

	"go.yaml.in/yaml/v3"
)

// decode reads one document of YAML. A field that isn't known is an error: most often it is a known one, misspelt. An empty document is
// io.EOF.
func decode(raw []byte, into any) error {
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	decoder.KnownFields(true)
	return decoder.Decode(into)
}
