// Package regression_test holds the screen to the Core Rule Set's own tests, some thousands. They have a package to themselves: under the
// race detector, which the engine's others need, they take eight times as long and find no more.
package regression_test

import (
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/corazawaf/coraza-coreruleset/v4/tests"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"redoubt.example/gateway/internal/waf"
)

// regression is a file of the Core Rule Set's own tests, as far as they concern requests.
type regression struct {
	RuleID int `yaml:"rule_id"`
	Tests  []struct {
		ID     int `yaml:"test_id"`
		Stages []struct {
			Input struct {
				Method, URI, Data, Version string
				Headers                    map[string]string
				Encoded                    string `yaml:"encoded_request"`
			}
			Output struct {
				Log struct {
					Expect []int `yaml:"expect_ids"`
				}
			}
		}
	}
}

type testCase struct {
	name   string
	expect []int // rules that must match, at paranoia level 4
	waf.Request
}

func regressions() (all []testCase, err error) {
	files, err := fs.Glob(tests.FS, "REQUEST-*/*.yaml")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := fs.ReadFile(tests.FS, file)
		if err != nil {
			return nil, err
		}
		var r regression
		if err := yaml.Unmarshal(text, &r); err != nil {
			return nil, err
		}
		for _, test := range r.Tests {
			for _, stage := range test.Stages {
				in := stage.Input
				c := testCase{name: file, expect: stage.Output.Log.Expect, Request: waf.Request{
					Method: orElse(in.Method, "GET"), URI: orElse(in.URI, "/"), Proto: orElse(in.Version, "HTTP/1.1"),
					Address: "192.0.2.1", Header: http.Header{}, Body: []byte(in.Data)}}
				for name, value := range in.Headers {
					c.Header.Set(name, value)
				}
				if in.Data != "" && c.Header.Get("Content-Type") == "" {
					c.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				}
				if in.Encoded != "" {
					c.decode(in.Encoded)
				}
				all = append(all, c)
			}
		}
	}
	return all, nil
}

// decode takes a request apart that was written as bytes.
func (c *testCase) decode(encoded string) {
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return
	}
	head, body, _ := strings.Cut(strings.ReplaceAll(string(raw), "\r\n", "\n"), "\n\n")
	lines := strings.Split(head, "\n")
	if parts := strings.Fields(lines[0]); len(parts) == 3 {
		c.Method, c.URI, c.Proto = parts[0], parts[1], parts[2]
	}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		c.Header[name] = append(c.Header[name], strings.TrimSpace(value))
	}
	c.Body = []byte(body)
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// TestScreenMissesNothing: on each of the rule set's own cases, and with what it carries put into a JSON field as our
// clients would send it, the screen calls clean only what the unmodified rules find nothing in. (What it doesn't call
// clean gets their verdict anyway.)
func TestScreenMissesNothing(t *testing.T) {
	cases, err := regressions()
	require.NoError(t, err)
	require.Greater(t, len(cases), 3000)
	for level := 1; level <= waf.Levels; level++ {
		e := engine(t, level)
		known, asked := 0, 0
		for i, c := range cases {
			if level > 1 && i%4 != 0 {
				continue // the default is what most rules are in
			}
			requests := []waf.Request{c.Request}
			if len(c.Body) > 0 {
				requests = append(requests, inJSON(t, string(c.Body)))
			} else if _, query, ok := strings.Cut(c.URI, "?"); ok {
				requests = append(requests, inJSON(t, query))
			}
			for _, r := range requests {
				asked++
				clean, err := e.Screen(r)
				require.NoError(t, err)
				if !clean {
					continue
				}
				known++
				verdict, err := e.Rules(r)
				require.NoError(t, err)
				require.True(t, verdict.Clean(), "level %d, %s: the screen misses %+v in %+v", level, c.name, verdict, r)
			}
		}
		t.Logf("level %d: of %d requests, %d are clean by the screen and by the rules", level, asked, known)
		require.NotZero(t, known)
	}
}

// TestCasesAreFedAsTheyAreMeant: the unmodified rules find in them what they are there for; else the test above would
// show nothing. A few cases need bytes on the wire that no parsed request holds.
func TestCasesAreFedAsTheyAreMeant(t *testing.T) {
	cases, err := regressions()
	require.NoError(t, err)
	e := engine(t, waf.Levels)
	expected, met := 0, 0
	for i, c := range cases {
		if len(c.expect) == 0 || i%10 != 0 {
			continue
		}
		expected++
		verdict, err := e.Inspect(c.Request)
		require.NoError(t, err)
		if !slices.ContainsFunc(c.expect, func(id int) bool { return !slices.Contains(verdict.Rules, id) }) {
			met++
		}
	}
	require.Greater(t, expected, 300)
	require.Greater(t, met, expected*98/100)
}

func engine(t *testing.T, level int) *waf.Engine {
	t.Helper()
	e, err := waf.New(level)
	require.NoError(t, err)
	return e
}

func inJSON(t *testing.T, text string) waf.Request {
	t.Helper()
	body, err := json.Marshal(map[string]any{"title": "Minutes", "text": text})
	require.NoError(t, err)
	return waf.Request{Method: "POST", URI: "/v1/documents", Proto: "HTTP/2.0", Address: "192.0.2.1", Body: body, Header: http.Header{
		"Host": {"gateway"}, "Content-Type": {"application/json"}, "Accept": {"*/*"}, "User-Agent": {"curl/8.1"}}}
}
