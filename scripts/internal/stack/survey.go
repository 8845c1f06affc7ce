package stack

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"redoubt.example/scripts/internal/control"
	"redoubt.example/scripts/internal/procfs"
)

// Survey compares the control plane and the listening sockets with what is declared. pids are the components' processes;
// without any, sockets aren't looked at.
func (s *Stack) Survey(ctx context.Context, pids map[int]string) (control.Survey, error) {
	found := control.Survey{Listeners: []control.Listener{}}
	var err error
	if found.Drift, err = s.plane.Drift(ctx); err != nil {
		return found, err
	}
	if len(pids) == 0 {
		return found, nil
	}
	places, err := s.Places(ctx)
	if err != nil {
		return found, err
	}
	sockets, err := procfs.Sockets()
	if err != nil {
		return found, err
	}
	found.Listeners, found.Listening = s.undeclared(sockets, owners(pids, procfs.Tree()), places.Mesh)
	return found, nil
}

// owners names the component of each process, children included.
func owners(pids map[int]string, tree map[int][]int) map[int]string {
	all := map[int]string{}
	var add func(pid int, name string)
	add = func(pid int, name string) {
		all[pid] = name
		for _, child := range tree[pid] {
			if pids[child] == "" {
				add(child, name)
			}
		}
	}
	for pid, name := range pids {
		add(pid, name)
	}
	return all
}

// undeclared returns those sockets of the lab's processes and users that nothing declares, and how many there are in all; and
// instances in Consul's catalog at which not their own data plane listens.
func (s *Stack) undeclared(sockets []procfs.Socket, owner map[int]string, mesh map[string][]string) (found []control.Listener, looked int) {
	found = []control.Listener{}
	declared := s.plane.Listening()
	declared[gateway] = append(declared[gateway], "tcp "+s.listen)
	holders := map[string]string{} // of a TCP address: which component
	for _, socket := range sockets {
		name := s.holder(socket, owner)
		if name == "" {
			continue
		}
		looked++
		if socket.Protocol == "tcp" {
			holders[socket.Address] = name
		}
		if slices.Contains(declared[name], socket.Protocol+" "+socket.Address) || s.ownSocket(name, socket) || s.meshPort(name, socket, mesh) {
			continue
		}
		found = append(found, control.Listener{Protocol: socket.Protocol, Address: socket.Address, Component: name, UID: socket.UID, PIDs: socket.PIDs,
			Found: fmt.Sprintf("%s listens on %s %s, which nothing declares", name, socket.Protocol, socket.Address)})
	}
	for service, addresses := range mesh {
		for _, address := range addresses {
			w := slices.IndexFunc(s.instances, func(w instance) bool { return w.service == service && s.planeOf(w) == holders[address] })
			if w < 0 {
				found = append(found, control.Listener{Protocol: "tcp", Address: address, Component: service, UID: -1,
					Found: fmt.Sprintf("Consul's catalog says that %s is at %s, and no data plane of its own listens there", service, address)})
			}
		}
	}
	slices.SortFunc(found, func(a, b control.Listener) int {
		return cmp.Or(cmp.Compare(a.Component, b.Component), cmp.Compare(a.Address, b.Address))
	})
	return found, looked
}

// holder is the component that a socket is of, by its processes or else by its user; "" when it is none of the lab's.
func (s *Stack) holder(socket procfs.Socket, owner map[int]string) string {
	for _, pid := range socket.PIDs {
		if name := owner[pid]; name != "" {
			return name
		}
	}
	if !s.Users.Isolated || socket.UID <= 0 || slices.ContainsFunc(socket.PIDs, s.ofAnotherLab) {
		return ""
	}
	for _, w := range s.instances {
		if uid, _ := s.Users.Of(w.name); uid == socket.UID {
			return "a process of the user of " + w.name
		}
	}
	return ""
}

// ofAnotherLab tells whether a process is at work in another lab's runtime folder: labs side by side have the same users.
func (s *Stack) ofAnotherLab(pid int) bool {
	at, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	labs := strings.TrimRight(s.cfg.RunDir, "0123456789")
	return err == nil && strings.HasPrefix(at, labs) && at != s.cfg.RunDir && !strings.HasPrefix(at, s.cfg.RunDir+"/")
}

// ownSocket: unix sockets in a workload's own folder, which nobody else can enter, and the supervisor's.
func (s *Stack) ownSocket(name string, socket procfs.Socket) bool {
	if socket.Protocol != "unix" {
		return false
	}
	if name == "supervisor" {
		return true
	}
	i := slices.IndexFunc(s.instances, func(w instance) bool { return w.name == strings.TrimSuffix(name, sidecarSuffix) })
	if i < 0 {
		return false
	}
	// One is made under another name and moved: the kernel keeps the first.
	file, own := strings.CutPrefix(strings.TrimSuffix(socket.Address, ".new"), s.folder(s.instances[i].name)+"/")
	known := []string{"app.sock", "admin.sock", "sidecar.sock", "envoy.sock", "ads.sock"}
	for _, upstream := range s.topology.Upstreams(s.instances[i].service) {
		known = append(known, "up-"+upstream+".sock")
	}
	return own && slices.Contains(known, file)
}

// meshPort: a data plane has one port, on this machine's own address, and Consul's catalog has it.
func (s *Stack) meshPort(name string, socket procfs.Socket, mesh map[string][]string) bool {
	host, _, err := net.SplitHostPort(socket.Address)
	return err == nil && socket.Protocol == "tcp" && host == "127.0.0.1" && slices.ContainsFunc(s.instances, func(w instance) bool {
		return s.planeOf(w) == name && slices.Contains(mesh[w.service], socket.Address)
	})
}
