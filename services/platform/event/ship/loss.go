package ship

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// reason is why events were lost.
type reason int

const (
	noRoom  reason = iota // sentinel took none for too long
	tooLong               // the line
	refused               // sentinel took the batch for none
	atEnd                 // the process ended before sentinel took them
	reasons
)

func (r reason) String() string {
	return [...]string{"no room", "line too long", "refused by sentinel", "process ended"}[r]
}

// loss counts lost events: for the metric for ever, and until an event has said so.
type loss struct {
	total  *prometheus.CounterVec
	count  [reasons]prometheus.Counter
	unsaid [reasons]atomic.Int64
}

func newLoss() *loss {
	l := &loss{total: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "redoubt_events_lost_total",
		Help: "Security events that sentinel never got."}, []string{"reason"})}
	for r := range reasons {
		l.count[r] = l.total.WithLabelValues(r.String())
	}
	return l
}

func (l *loss) add(r reason, n int) {
	if n > 0 {
		l.count[r].Add(float64(n))
		l.unsaid[r].Add(int64(n))
	}
}

// take returns what no event has said yet; untake, that none could.
func (l *loss) take() (lost [reasons]int64) {
	for r := range reasons {
		lost[r] = l.unsaid[r].Swap(0)
	}
	return lost
}

func (l *loss) untake(lost [reasons]int64) {
	for r := range reasons {
		l.unsaid[r].Add(lost[r])
	}
}
