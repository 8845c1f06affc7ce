package stack

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"

	"redoubt.example/scripts/internal/exit"
)

// DefaultPort is the gateway's where none is asked for and it is free.
const DefaultPort = 8443

// Reserve holds the gateway's port. One that was asked for must be free; else the next free one is taken.
func Reserve(port int, asked bool) (net.Listener, error) {
	for try := port; try < port+100 && try <= 65535; try++ {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(try)))
		switch {
		case err == nil:
			return l, nil
		case !errors.Is(err, syscall.EADDRINUSE):
			return nil, fmt.Errorf("port %d: %w", try, err)
		case asked:
			return nil, exit.Mend(fmt.Errorf("port %d is taken", port), "lab up (without --port it finds a free one)")
		}
	}
	return nil, fmt.Errorf("no port is free from %d on", port)
}
