package upstream

import (
	"fmt"

	"google.golang.org/grpc"
	_ "google.golang.org/grpc/balancer/leastrequest" // registers the policy that leastRequest names
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
)

// leastRequest is gRPC's own policy that sends each call where the fewest are under way, as lanes does.
var leastRequest = fmt.Sprintf(`{"loadBalancingConfig":[{"least_request_experimental":{"choiceCount":%d}}]}`, 2*grpcLaneCount)

// grpcLanes gives a connection several ways to one upstream: the dialer takes them all to the same name, and the
// mesh each to an instance.
func grpcLanes(upstream string) (target string, option grpc.DialOption) {
	lanes := manual.NewBuilderWithScheme("lanes")
	var state resolver.State
	for i := range grpcLaneCount {
		address := resolver.Address{Addr: fmt.Sprintf("%s/%d", upstream, i+1), ServerName: upstream}
		state.Endpoints = append(state.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{address}})
	}
	lanes.InitialState(state)
	return "lanes:///" + upstream, grpc.WithResolvers(lanes)
}
