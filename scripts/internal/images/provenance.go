package images

import (
	"encoding/json"
	"fmt"
	"strings"

	provenance "github.com/in-toto/attestation/go/predicates/provenance/v1"
	statement "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"
)

// The types of what Provenance states: SLSA's provenance 1.0 for what `lab images` does.
const (
	predicateType = "https://slsa.dev/provenance/v1"
	buildType     = "https://redoubt.example/lab-images/v1"
)

// Origin is where images come from, and who made them.
type Origin struct {
	Repository string // its URL; "" where there is none
	Commit     string
	Changed    bool   // what was built isn't that commit
	Go         string // the compiler's version
	Builder    string // a URI of who vouches for it
}

// Provenance states what images were made of, as an in-toto statement: JSON, unsigned. Signing is whose who can be known by
// a key: a workflow's identity.
func Provenance(made []Result, from Origin) ([]byte, error) {
	var subjects []*statement.ResourceDescriptor
	for _, i := range made {
		subjects = append(subjects, &statement.ResourceDescriptor{Name: i.Name, Digest: map[string]string{"sha256": strings.TrimPrefix(i.Digest, "sha256:")}})
	}
	parameters, err := structpb.NewStruct(map[string]any{"verb": "lab images", "tags": "release", "uncommitted_changes": from.Changed})
	if err != nil {
		return nil, err
	}
	predicate := &provenance.Provenance{
		BuildDefinition: &provenance.BuildDefinition{
			BuildType: buildType, ExternalParameters: parameters,
			ResolvedDependencies: []*statement.ResourceDescriptor{
				{Name: "source", Uri: from.Repository, Digest: map[string]string{"gitCommit": from.Commit}},
				{Name: "go", Uri: "pkg:golang/stdlib@" + strings.TrimPrefix(from.Go, "go")},
			},
		},
		RunDetails: &provenance.RunDetails{Builder: &provenance.Builder{Id: from.Builder}},
	}
	raw, err := protojson.Marshal(predicate)
	if err != nil {
		return nil, err
	}
	fields := &structpb.Struct{}
	if err := protojson.Unmarshal(raw, fields); err != nil {
		return nil, err
	}
	s := &statement.Statement{Type: statement.StatementTypeUri, Subject: subjects, PredicateType: predicateType, Predicate: fields}
	if err := s.Validate(); err != nil {
		return nil, fmt.Errorf("state where images come from: %w", err)
	}
	text, err := protojson.Marshal(s)
	if err != nil {
		return nil, err
	}
	var anyOrder any // protojson varies its spaces on purpose
	if err := json.Unmarshal(text, &anyOrder); err != nil {
		return nil, err
	}
	return json.MarshalIndent(anyOrder, "", "  ")
}
