package term

import (
	"fmt"
	"time"
)

// Bytes is a size as people say it: binary units, one decimal below ten.
func Bytes(n int64) string {
	const unit = 1024
	size, name := float64(n), "B"
	for _, next := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if size < unit {
			break
		}
		size, name = size/unit, next
	}
	if name == "B" || size >= 10 {
		return fmt.Sprintf("%.0f %s", size, name)
	}
	return fmt.Sprintf("%.1f %s", size, name)
}

// Seconds is a duration in seconds with one decimal; longer ones in minutes.
func Seconds(d time.Duration) string {
	if d >= time.Minute {
		return d.Round(time.Second).String()
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// Millis is a duration in milliseconds, with the digits that matter; from a second on, in seconds.
func Millis(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	switch {
	case ms >= 1000:
		return fmt.Sprintf("%.2f s", ms/1000)
	case ms >= 100:
		return fmt.Sprintf("%.0f ms", ms)
	case ms >= 10:
		return fmt.Sprintf("%.1f ms", ms)
	default:
		return fmt.Sprintf("%.2f ms", ms)
	}
}
