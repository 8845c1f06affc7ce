package documents_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"redoubt.example/services/ingestion/internal/documents"
	"redoubt.example/services/platform/fault"
)

func TestValidate(t *testing.T) {
	pairs := func(n int) map[string]string {
		m := map[string]string{}
		for i := range n {
			m[fmt.Sprint("key", i)] = "value"
		}
		return m
	}
	for name, tc := range map[string]struct {
		change func(*documents.Draft)
		ok     bool
	}{
		"no title":            {func(d *documents.Draft) { d.Title = "" }, false},
		"201 runes of title":  {func(d *documents.Draft) { d.Title = strings.Repeat("ä", 201) }, false},
		"title on two lines":  {func(d *documents.Draft) { d.Title = "a\nb" }, false},
		"title not UTF-8":     {func(d *documents.Draft) { d.Title = "\xff" }, false},
		"no text":             {func(d *documents.Draft) { d.Text = "" }, false},
		"text too long":       {func(d *documents.Draft) { d.Text = strings.Repeat("x", 256<<10+1) }, false},
		"text not UTF-8":      {func(d *documents.Draft) { d.Text = "a\xc3" }, false},
		"text with U+0000":    {func(d *documents.Draft) { d.Text = "a\x00" }, false},
		"21 pairs":            {func(d *documents.Draft) { d.Metadata = pairs(21) }, false},
		"a nameless pair":     {func(d *documents.Draft) { d.Metadata = map[string]string{"": "x"} }, false},
		"a long name":         {func(d *documents.Draft) { d.Metadata = map[string]string{strings.Repeat("k", 65): "x"} }, false},
		"a long value":        {func(d *documents.Draft) { d.Metadata = map[string]string{"k": strings.Repeat("v", 513)} }, false},
		"a value with U+0000": {func(d *documents.Draft) { d.Metadata = map[string]string{"k": "\x00"} }, false},
		"200 runes of title":  {func(d *documents.Draft) { d.Title = strings.Repeat("ä", 200) }, true},
		"256 KiB of text":     {func(d *documents.Draft) { d.Text = strings.Repeat("x", 256<<10) }, true},
		"text on two lines":   {func(d *documents.Draft) { d.Text = "a\nb\t" }, true},
		"20 pairs":            {func(d *documents.Draft) { d.Metadata = pairs(20) }, true},
		"an empty value":      {func(d *documents.Draft) { d.Metadata = map[string]string{"k": ""} }, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := documents.Draft{Title: "title", Text: "text"}
			tc.change(&d)
			err := d.Validate()
			require.Equal(t, tc.ok, err == nil, "%v", err)
			if err != nil {
				require.Equal(t, fault.Invalid, fault.KindOf(err))
			}
		})
	}
}

func TestCharge(t *testing.T) {
	for bytes, want := range map[int]int64{1: 1, 1024: 1, 1025: 2, 256 << 10: 256} {
		require.Equal(t, want, documents.Draft{Text: strings.Repeat("x", bytes)}.Charge(), bytes)
	}
}
