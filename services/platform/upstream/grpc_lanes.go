package upstream

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"
)

// leastBusy is the balancing policy of grpcLanes, and its service config.
const (
	leastBusy       = "redoubt_least_busy"
	leastBusyConfig = `{"loadBalancingConfig":[{"` + leastBusy + `":{}}]}`
)

// distrust is how long a lane comes last on which a call timed out without a word: by its end the mesh has noticed a
// replica that hangs.
const distrust = 5 * time.Second

func init() { balancer.Register(lanesBuilder{}) } // where gRPC wants it

// grpcLanes gives a connection several ways to one upstream: the dialer takes them all to the same name, and the
// mesh each to an instance.
func grpcLanes(upstream string) (target string, option grpc.DialOption) {
	lanes := manual.NewBuilderWithScheme("lanes")
	var state resolver.State
	for i := range grpcLaneCount {
		state.Addresses = append(state.Addresses, resolver.Address{Addr: fmt.Sprintf("%s/%d", upstream, i+1), ServerName: upstream})
	}
	lanes.InitialState(state)
	return "lanes:///" + upstream, grpc.WithResolvers(lanes)
}

// lanesBuilder makes gRPC's own balancer with our choice of a lane, remembered for each connection apart.
type lanesBuilder struct{}

// Name implements balancer.Builder.
func (lanesBuilder) Name() string { return leastBusy }

// Build implements balancer.Builder.
func (lanesBuilder) Build(cc balancer.ClientConn, opts balancer.BuildOptions) balancer.Balancer {
	lanes := &callLanes{known: map[balancer.SubConn]*callLane{}}
	return base.NewBalancerBuilder(leastBusy, lanes, base.Config{}).Build(cc, opts)
}

// callLanes sends each call where the fewest are under way, as lanes does for HTTP, where connections are many and one that
// timed out isn't used again. Here that has to be remembered: a call given up leaves its lane, which then looks idle, and
// the next try would go there again, to the same replica that hangs.
type callLanes struct {
	mu    sync.Mutex
	known map[balancer.SubConn]*callLane
}

type callLane struct {
	conn       balancer.SubConn
	busy       int
	distrusted time.Time // until then
}

// Build implements base.PickerBuilder.
func (l *callLanes) Build(info base.PickerBuildInfo) balancer.Picker {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := map[balancer.SubConn]*callLane{}
	p := &lanePicker{lanes: l}
	for conn := range info.ReadySCs {
		lane := l.known[conn]
		if lane == nil { // new, or connected anew: perhaps to another replica
			lane = &callLane{conn: conn}
		}
		known[conn] = lane
		p.able = append(p.able, lane)
	}
	l.known = known
	return p
}

type lanePicker struct {
	lanes *callLanes
	able  []*callLane
}

// Pick implements balancer.Picker.
func (p *lanePicker) Pick(balancer.PickInfo) (balancer.PickResult, error) {
	if len(p.able) == 0 {
		return balancer.PickResult{}, balancer.ErrNoSubConnAvailable
	}
	p.lanes.mu.Lock()
	defer p.lanes.mu.Unlock()
	now, first := time.Now(), rand.IntN(len(p.able)) // from anywhere, as lanes does
	best := p.able[first]
	for k := range p.able {
		if lane := p.able[(first+k)%len(p.able)]; lane.better(best, now) {
			best = lane
		}
	}
	best.busy++
	return balancer.PickResult{SubConn: best.conn, Done: func(done balancer.DoneInfo) { p.lanes.done(best, done) }}, nil
}

func (l *callLane) better(than *callLane, now time.Time) bool {
	if mine, other := l.distrusted.After(now), than.distrusted.After(now); mine != other {
		return other
	}
	return l.busy < than.busy
}

func (l *callLanes) done(lane *callLane, done balancer.DoneInfo) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lane.busy--
	switch {
	case done.BytesReceived:
		lane.distrusted = time.Time{}
	case status.Code(done.Err) == codes.DeadlineExceeded:
		lane.distrusted = time.Now().Add(distrust)
	}
}
