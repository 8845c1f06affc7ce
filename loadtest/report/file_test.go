package report_test

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redoubt.example/loadtest/report"
)

const golden = "testdata/result.json"

func example(t *testing.T) report.Result {
	t.Helper()
	r, err := report.ReadFile(golden)
	require.NoError(t, err)
	return r
}

func TestReadRefuses(t *testing.T) {
	for name, c := range map[string]struct{ replace, by, complaint string }{
		"another version":    {`"version": 1`, `"version": 2`, "it has version 2 of the schema, and this lab reads version 1"},
		"no version":         {`"version": 1`, `"edition": 1`, "/: missing property 'version'"},
		"not JSON":           {`{`, `<`, "it isn't JSON"},
		"cut off":            {"]\n}", "]", "it isn't JSON"},
		"a word for figures": {`"seconds": 1724.5`, `"seconds": "long"`, "/seconds: got string, want number"},
		"an unknown state":   {`"state": "kept-awake"`, `"state": "tired"`, "/state: value must be one of"},
		"half an interval":   {`"ci999_us": [`, `"ci999_us": [1, `, "/aa/ci999_us: maxItems: got 3, want 2"},
		"a bad time":         {`2026-11-20T08:30:00Z`, `yesterday`, "/began: 'yesterday' is not valid date-time"},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(golden)
			require.NoError(t, err)
			broken := strings.Replace(string(text), c.replace, c.by, 1)
			require.NotEqual(t, string(text), broken)
			_, err = report.Read(strings.NewReader(broken))
			require.ErrorContains(t, err, c.complaint)
			require.NotContains(t, err.Error(), "\n")
		})
	}
	t.Run("too much", func(t *testing.T) {
		_, err := report.Read(strings.NewReader(strings.Repeat(" ", 17<<20)))
		require.ErrorContains(t, err, "more than")
	})
	t.Run("no file", func(t *testing.T) {
		_, err := report.ReadFile("testdata/missing.json")
		require.ErrorIs(t, err, os.ErrNotExist)
	})
}

func TestWriteReadsBack(t *testing.T) {
	r := example(t)
	var text bytes.Buffer
	require.NoError(t, r.Write(&text))
	again, err := report.Read(&text)
	require.NoError(t, err)
	require.True(t, reflect.DeepEqual(r, again), "what is read is what was written")

	r.State = "tired"
	require.ErrorContains(t, r.Write(&text), "/state")
}

// A run that measured nothing but what is required is a result, too.
func TestWriteLeast(t *testing.T) {
	r := report.Result{Version: report.Version, Began: time.Now(), State: "as-found", Stopped: "time", Machine: report.Machine{Processors: 1}}
	require.NoError(t, r.Write(&bytes.Buffer{}))
}

// The schema documents what the types hold, no less and no more, and each field of the golden file is one of theirs.
func TestSchemaIsOfTheTypes(t *testing.T) {
	var schema struct {
		Properties map[string]json.RawMessage
		Defs       map[string]struct{ Properties map[string]json.RawMessage } `json:"$defs"`
	}
	require.NoError(t, json.Unmarshal(report.Schema, &schema))
	for name, kind := range map[string]any{
		"machine": report.Machine{}, "method": report.Method{}, "aa": report.AA{}, "calibration": report.Calibration{},
		"profile": report.Profile{}, "quantile": report.Quantile{}, "control": report.Control{}, "estimate": report.Estimate{},
		"line": report.Line{}, "load": report.Load{}, "chain": report.Chain{}, "storm": report.Storm{},
	} {
		require.ElementsMatch(t, fields(kind), keys(schema.Defs[name].Properties), name)
	}
	require.ElementsMatch(t, fields(report.Result{}), keys(schema.Properties))

	text, err := os.ReadFile(golden)
	require.NoError(t, err)
	strict := json.NewDecoder(bytes.NewReader(text))
	strict.DisallowUnknownFields()
	require.NoError(t, strict.Decode(&report.Result{}))
}

func fields(v any) (names []string) {
	for field := range reflect.TypeOf(v).Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

func keys(m map[string]json.RawMessage) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
