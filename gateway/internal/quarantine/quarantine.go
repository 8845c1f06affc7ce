// Package quarantine is the gateway's copy of the containment list (services/platform/containment): looked up on every request, put by
// the operator, and kept in a file, so that nobody is let in again by whoever makes the gateway restart.
package quarantine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"redoubt.example/gateway/internal/address"
	"redoubt.example/services/platform/containment"
)

// List is safe for concurrent use. A lookup in an empty one takes a nanosecond, and one that finds nothing some tens.
type List struct {
	file string // "": kept nowhere
	now  func() time.Time

	putting sync.Mutex
	held    atomic.Pointer[held] // nil: nobody is contained
}

// held is a list as it is looked up: until when, by kind and target.
type held struct {
	list      containment.List
	addresses map[netip.Addr]time.Time
	names     map[named]time.Time
}

type named struct{ kind, target string }

// Open reads the file. One that is there and makes no sense is an error: who was contained must not be let in for that.
func Open(file string) (*List, error) {
	l := &List{file: file, now: time.Now}
	if file == "" {
		return l, nil
	}
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read who is contained: %w", err)
	}
	var list containment.List
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("read who is contained: %s: %w", file, err)
	}
	if err := list.Check(l.now()); err != nil {
		return nil, fmt.Errorf("read who is contained: %s: %w", file, err)
	}
	l.hold(list)
	return l, nil
}

// Put has exactly these contained from now on. The error is of what they say, or of the file: then nothing has changed.
func (l *List) Put(list containment.List) error {
	if err := list.Check(l.now()); err != nil {
		return err
	}
	l.putting.Lock()
	defer l.putting.Unlock()
	if err := l.keep(list); err != nil {
		return fmt.Errorf("keep who is contained: %w", err)
	}
	l.hold(list)
	return nil
}

// Entries are those that are contained.
func (l *List) Entries() containment.List {
	if h := l.held.Load(); h != nil {
		return h.list
	}
	return containment.List{Entries: []containment.Entry{}}
}

func (l *List) keep(list containment.List) error {
	if l.file == "" {
		return nil
	}
	raw, err := json.Marshal(list)
	if err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(l.file), ".contained-*") // 0600
	if err != nil {
		return err
	}
	_, err = next.Write(raw)
	err = errors.Join(err, next.Close())
	if err == nil {
		err = os.Rename(next.Name(), l.file)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(next.Name()))
	}
	return err
}

func (l *List) hold(list containment.List) {
	if len(list.Entries) == 0 {
		l.held.Store(nil)
		return
	}
	h := &held{list: list, addresses: map[netip.Addr]time.Time{}, names: map[named]time.Time{}}
	for _, e := range list.Entries {
		if e.Kind == containment.Address {
			h.addresses[address.Network(netip.MustParseAddr(e.Target).Unmap())] = e.Until // Check has parsed it
			continue
		}
		h.names[named{e.Kind, e.Target}] = e.Until
	}
	l.held.Store(h)
}

// Address tells whether a client's address is blocked.
func (l *List) Address(a netip.Addr) bool {
	if l == nil {
		return false
	}
	h := l.held.Load()
	if h == nil || len(h.addresses) == 0 {
		return false
	}
	until, ok := h.addresses[address.Network(a)]
	return ok && l.now().Before(until)
}

// Name tells whether a target of a kind is contained. No name is never.
func (l *List) Name(kind, target string) bool {
	if l == nil || target == "" {
		return false
	}
	h := l.held.Load()
	if h == nil || len(h.names) == 0 {
		return false
	}
	until, ok := h.names[named{kind, target}]
	return ok && l.now().Before(until)
}
