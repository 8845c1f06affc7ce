package page

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"sync"
	"time"
)

const (
	linkLife    = 10 * time.Minute
	sessionLife = 12 * time.Hour
	mostLinks   = 8  // unspent; beyond, the oldest is gone
	mostOpen    = 64 // sessions; beyond, the one that was used last the longest ago
)

// door lets in whoever has a link that `lab page` printed, once each. It keeps hashes alone, in memory: they end with the lab.
type door struct {
	now func() time.Time

	mu       sync.Mutex
	links    []entry
	sessions []entry
}

type entry struct {
	key     [sha256.Size]byte // of what the browser shows
	csrf    string            // a session's: what its pages, and no others, know
	expires time.Time
}

func newDoor(now func() time.Time) *door { return &door{now: now} }

// link makes a token for one opening.
func (d *door) link() (token string, expires time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	token, expires = random(), d.now().Add(linkLife)
	d.links = keep(append(d.links, entry{key: sha256.Sum256([]byte(token)), expires: expires}), mostLinks, d.now())
	return token, expires
}

// enter spends a link's token and begins a session: a good one's, or whichever.
func (d *door) enter(token string, whichever bool) (session string, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := find(d.links, token, d.now())
	if i < 0 && !whichever {
		return "", false
	}
	if i >= 0 {
		d.links = append(d.links[:i], d.links[i+1:]...)
	}
	session = random()
	d.sessions = keep(append(d.sessions, entry{sha256.Sum256([]byte(session)), random(), d.now().Add(sessionLife)}), mostOpen, d.now())
	return session, true
}

// known returns what a session's POSTs have to show.
func (d *door) known(session string) (csrf string, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := find(d.sessions, session, d.now())
	if i < 0 {
		return "", false
	}
	used := d.sessions[i]
	d.sessions = append(append(d.sessions[:i], d.sessions[i+1:]...), used)
	return used.csrf, true
}

// find compares hashes, so that what a comparison takes tells nothing of a secret.
func find(all []entry, shown string, now time.Time) int {
	key := sha256.Sum256([]byte(shown))
	for i, e := range all {
		if e.key == key && now.Before(e.expires) {
			return i
		}
	}
	return -1
}

func keep(all []entry, most int, now time.Time) (kept []entry) {
	for _, e := range all {
		if now.Before(e.expires) {
			kept = append(kept, e)
		}
	}
	return kept[max(0, len(kept)-most):]
}

func random() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // it never fails: crypto/rand
	return base64.RawURLEncoding.EncodeToString(b[:])
}
