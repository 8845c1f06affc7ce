package waf_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"redoubt.example/gateway/internal/waf"
)

const sentence = "The board agreed on Monday to publish the report. Then the members discussed, at length, which of the two proposals would be better. "

// BenchmarkInspect compares the unmodified rules with the screen before them, on what honest clients send.
func BenchmarkInspect(b *testing.B) {
	get := waf.Request{Method: "GET", URI: "/v1/documents?limit=20", Proto: "HTTP/2.0", Address: "192.0.2.1", Header: http.Header{
		"Host": {"gateway"}, "Accept": {"*/*"}, "User-Agent": {"curl/8.1"}}}
	for _, level := range []int{1, 2} {
		e := screened{engine(b, level)}
		for _, c := range []struct {
			name string
			waf.Request
		}{{"GET", get}, {"POST 200 B", inJSON(b, sentence)}, {"POST 1 KB", inJSON(b, strings.Repeat(sentence, 7))}} {
			for _, how := range []struct {
				name string
				ask  func(waf.Request) (waf.Verdict, error)
			}{{"rules", e.Rules}, {"screen", e.unseen}, {"as it comes", e.Inspect}} {
				b.Run(fmt.Sprintf("level %d/%s/%s", level, c.name, how.name), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						v, err := how.ask(c.Request)
						require.NoError(b, err)
						require.True(b, v.Clean(), "%+v", v)
					}
				})
			}
		}
	}
}

// screened asks the screen each time, whatever it remembers.
type screened struct{ *waf.Engine }

func (s screened) unseen(r waf.Request) (waf.Verdict, error) {
	clean, err := s.Screen(r)
	if err == nil && !clean {
		return s.Rules(r)
	}
	return waf.Verdict{}, err
}
