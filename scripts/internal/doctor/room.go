package doctor

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"redoubt.example/scripts/internal/labdir"
	"redoubt.example/scripts/internal/stack"
	"redoubt.example/scripts/internal/term"
	"redoubt.example/scripts/internal/tools"
)

const (
	labMemory = 1 << 30 // all components together stay below
	buildDisk = 8 << 30 // Go's caches after Consul, Vault and k6 were built
)

func (m Machine) port(context.Context) Check {
	c := Check{Name: "port", State: OK, Detail: fmt.Sprintf("%d is free for the gateway", m.Port)}
	listener, err := stack.Reserve(m.Port, false)
	if err != nil {
		return Check{Name: "port", State: Missing, Detail: err.Error(), Mend: "lab up --port <another>"}
	}
	defer listener.Close()
	if address := listener.Addr().String(); !strings.HasSuffix(address, ":"+strconv.Itoa(m.Port)) {
		c.State, c.Detail = Note, fmt.Sprintf("%d is taken; the gateway will listen on %s", m.Port, address)
	}
	return c
}

func (m Machine) disk(ctx context.Context) Check {
	building := false
	for _, c := range []Check{m.tool(ctx, tools.Consul), m.tool(ctx, tools.Vault), m.k6(ctx)} {
		building = building || c.State == Obtain
	}
	runtime, cache := labdir.FreeBytes("/tmp"), labdir.FreeBytes(m.Cache.Root)
	c := Check{Name: "disk", State: OK, Detail: fmt.Sprintf("%s free in /tmp, %s for the cache",
		term.Bytes(runtime), term.Bytes(cache))}
	switch {
	case runtime < labdir.Needed:
		c.State, c.Mend = Missing, "df -h /tmp"
		c.Detail += fmt.Sprintf("; a lab needs %s", term.Bytes(labdir.Needed))
	case building && cache < buildDisk:
		c.State = Note
		c.Detail += fmt.Sprintf("; building what is missing may take %s", term.Bytes(buildDisk))
	}
	return c
}

func memory(context.Context) Check {
	available := memAvailable()
	c := Check{Name: "memory", State: OK, Detail: term.Bytes(available) + " available; a lab takes less than 1 GiB"}
	if available < labMemory {
		c.State, c.Detail = Note, term.Bytes(available)+" available: too little for a lab, which takes up to 1 GiB"
	}
	return c
}

func memAvailable() int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "MemAvailable:"); ok {
			kib, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kib << 10
		}
	}
	return 0
}
