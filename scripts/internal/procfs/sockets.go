package procfs

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Socket is one that somebody can connect or send to: listening TCP, bound UDP, listening unix.
type Socket struct {
	Protocol string // tcp, udp, unix
	Address  string // host:port, or a path; @name in the abstract namespace
	UID      int    // of who made it; -1 for unix sockets, of which the kernel doesn't say
	PIDs     []int  // processes that have it open, as far as we may look
	inode    string
}

// Sockets lists those of this machine, or of the container that we are in.
func Sockets() ([]Socket, error) {
	var all []Socket
	for _, table := range []struct{ file, protocol, state string }{
		{"tcp", "tcp", "0A"}, {"tcp6", "tcp", "0A"}, // LISTEN
		{"udp", "udp", "07"}, {"udp6", "udp", "07"}, // not connected
	} {
		found, err := inet(filepath.Join("/proc/net", table.file), table.protocol, table.state)
		if err != nil && !os.IsNotExist(err) { // a kernel without IPv6
			return nil, err
		}
		all = append(all, found...)
	}
	found, err := unix()
	if err != nil {
		return nil, err
	}
	all = append(all, found...)
	open := holders()
	for i := range all {
		all[i].PIDs = open[all[i].inode]
	}
	return all, nil
}

// inet reads a table of proc(5), /proc/net/tcp and its like.
func inet(path, protocol, state string) (all []Socket, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 10 || f[3] != state {
			continue
		}
		at, err := address(f[1])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		uid, err := strconv.Atoi(f[7])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, Socket{Protocol: protocol, Address: at.String(), UID: uid, inode: f[9]})
	}
	return all, lines.Err()
}

// address reads "0100007F:1F90": words of four bytes, each in this machine's order, which is little endian on all that we run on.
func address(text string) (netip.AddrPort, error) {
	host, port, _ := strings.Cut(text, ":")
	raw, err := hex.DecodeString(host)
	if err != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, fmt.Errorf("unexpected address %q", text)
	}
	for i := 0; i < len(raw); i += 4 {
		binary.BigEndian.PutUint32(raw[i:], binary.LittleEndian.Uint32(raw[i:]))
	}
	addr, ok := netip.AddrFromSlice(raw)
	number, err := strconv.ParseUint(port, 16, 16)
	if err != nil || !ok {
		return netip.AddrPort{}, fmt.Errorf("unexpected address %q", text)
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(number)), nil
}

// unix reads /proc/net/unix: those that accept connections (flag __SO_ACCEPTCON).
func unix() (all []Socket, err error) {
	file, err := os.Open("/proc/net/unix")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) >= 8 && f[3] == "00010000" {
			all = append(all, Socket{Protocol: "unix", Address: strings.Join(f[7:], " "), UID: -1, inode: f[6]})
		}
	}
	return all, lines.Err()
}

// holders maps the inode of each socket to the processes that have it open.
func holders() map[string][]int {
	open := map[string][]int{}
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, link := range links {
		target, err := os.Readlink(link)
		inode, isSocket := strings.CutPrefix(target, "socket:[")
		if err != nil || !isSocket {
			continue
		}
		pid, err := strconv.Atoi(strings.Split(link, "/")[2])
		if err == nil {
			inode = strings.TrimSuffix(inode, "]")
			open[inode] = append(open[inode], pid)
		}
	}
	return open
}
