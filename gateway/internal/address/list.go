package address

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/netip"

	"github.com/gaissmai/bart"
)

// maxListed bounds the memory that a list may take; the largest public blocklists are below a tenth of it.
const maxListed = 1 << 20

// list is a set of networks, looked up in a multibit trie in some tens of nanoseconds however long it is.
type list struct{ table bart.Lite }

func (l *list) contains(a netip.Addr) bool { return l.table.Contains(a) }

// parseList reads the form in which blocklists are published: a network or address per line, comments after # or ;.
func parseList(text []byte) (*list, error) {
	l := &list{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	listed := 0
	for n := 1; lines.Scan(); n++ {
		line := lines.Bytes()
		if i := bytes.IndexAny(line, "#;"); i >= 0 {
			line = line[:i]
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		prefix, err := parsePrefix(string(line))
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if listed++; listed > maxListed {
			return nil, fmt.Errorf("more than %d networks", maxListed)
		}
		l.table.Insert(prefix)
	}
	if lines.Err() != nil {
		return nil, errors.New("a line is far too long for an address")
	}
	return l, nil
}
