package page

import (
	"fmt"
	"image/color"
)

// ink is a colour of the page, not of a plot: the style sheet gives it a value for light, dark and paper. A plot
// draws with a stand-in that nothing else has, and inline replaces it by the variable.
type ink struct{ name string }

var (
	text    = ink{"text"}
	muted   = ink{"muted"}
	grid    = ink{"grid"}
	surface = ink{"surface"}
	accent  = ink{"accent"}
	second  = ink{"second"}
	third   = ink{"third"}
)

var inks = []ink{text, muted, grid, surface, accent, second, third,
	kinds[0].ink, kinds[1].ink, kinds[2].ink, kinds[3].ink, kinds[4].ink, kinds[5].ink,
	kinds[6].ink, kinds[7].ink, kinds[8].ink, kinds[9].ink, kinds[10].ink}

// RGBA implements color.Color.
func (i ink) RGBA() (r, g, b, a uint32) {
	for n, each := range inks {
		if each == i {
			return color.RGBA{R: 1, G: 2, B: uint8(n + 1), A: 255}.RGBA()
		}
	}
	panic("no such ink: " + i.name)
}

func (i ink) standIn() string {
	r, g, b, _ := i.RGBA()
	return fmt.Sprintf("#%02X%02X%02X", r>>8, g>>8, b>>8)
}
