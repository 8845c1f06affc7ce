package address

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
)

const (
	lookEvery = time.Second
	maxFile   = 512 << 20 // the largest MMDBs are half of it
)

// Config says what is known of addresses: each file is optional, and is read again when it changes.
type Config struct {
	DenyList, AllowList string   // networks, one per line; what the allow list holds isn't refused for anything else
	GeoDatabase         string   // an MMDB with country.iso_code, such as GeoLite2-Country
	DenyCountries       []string // ISO 3166-1 alpha-2
	Log                 *slog.Logger
}

// Reputation is what is known of addresses. Safe for concurrent use.
type Reputation struct {
	cfg   Config
	files [3]watched
}

// knowledge is read from one file.
type knowledge struct {
	list *list
	geo  *maxminddb.Reader
}

type watched struct {
	path  string
	parse func([]byte) (knowledge, error)
	known atomic.Pointer[knowledge]
	seen  os.FileInfo // of the last version that was read, good or bad
}

// Open reads the files. One that can't be read, or that makes no sense, is an error.
func Open(cfg Config) (*Reputation, error) {
	for _, c := range cfg.DenyCountries {
		if len(c) != 2 || c[0] < 'A' || c[0] > 'Z' || c[1] < 'A' || c[1] > 'Z' {
			return nil, fmt.Errorf("%q is not a country's code, such as NL", c)
		}
	}
	if len(cfg.DenyCountries) > 0 && cfg.GeoDatabase == "" {
		return nil, errors.New("countries are denied, and no database says where addresses are")
	}
	r := &Reputation{cfg: cfg}
	for i, path := range []string{cfg.DenyList, cfg.AllowList, cfg.GeoDatabase} {
		r.files[i].path, r.files[i].parse = path, asList
	}
	r.files[2].parse = asDatabase
	for i := range r.files {
		if _, err := r.files[i].look(); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Run reads a file again when it has changed, until ctx ends. A version that makes no sense is refused: what the one
// before said stays in force.
func (r *Reputation) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for i := range r.files {
			w := &r.files[i]
			switch changed, err := w.look(); {
			case err != nil:
				r.cfg.Log.Warn("address list refused, the one before stays in force", "error", err.Error())
			case changed:
				r.cfg.Log.Info("address list read", "file", w.path)
			}
		}
	}
}

// look reads the file if it isn't the one that was read before. So an error is told once for each version.
func (w *watched) look() (changed bool, err error) {
	if w.path == "" {
		return false, nil
	}
	info, err := os.Stat(w.path)
	if err != nil {
		if w.seen == nil && w.known.Load() != nil {
			return false, nil // said already
		}
		w.seen = nil
		return false, fmt.Errorf("read address list: %w", err)
	}
	if s := w.seen; s != nil && os.SameFile(s, info) && s.ModTime().Equal(info.ModTime()) && s.Size() == info.Size() {
		return false, nil
	}
	w.seen = info
	text, err := readFile(w.path)
	if err != nil {
		return false, fmt.Errorf("read address list: %w", err)
	}
	k, err := w.parse(text)
	if err != nil {
		return false, fmt.Errorf("read address list %s: %w", w.path, err)
	}
	w.known.Store(&k)
	return true, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s is over %d bytes", path, maxFile)
	}
	return text, err
}

func asList(text []byte) (knowledge, error) {
	l, err := parseList(text)
	return knowledge{list: l}, err
}

// asDatabase keeps the file's content in memory: of a mapped file that somebody overwrites, reading ends the process.
func asDatabase(text []byte) (knowledge, error) {
	db, err := maxminddb.OpenBytes(text)
	if err != nil {
		return knowledge{}, fmt.Errorf("not an MMDB: %w", err)
	}
	return knowledge{geo: db}, nil
}

// Check returns the address's country, "" if unknown, and why it is refused, "" if it isn't.
func (r *Reputation) Check(a netip.Addr) (country, refused string) {
	deny, allow, geo := r.files[0].known.Load(), r.files[1].known.Load(), r.files[2].known.Load()
	if geo != nil {
		_ = geo.geo.Lookup(a).DecodePath(&country, "country", "iso_code") // what the database doesn't know is ""
	}
	switch {
	case allow != nil && allow.list.contains(a):
	case deny != nil && deny.list.contains(a):
		return country, "the address is on a deny list"
	case country != "" && slices.Contains(r.cfg.DenyCountries, country):
		return country, "requests from this country aren't accepted"
	}
	return country, ""
}

// Allowed tells whether the allow list holds an address.
func (r *Reputation) Allowed(a netip.Addr) bool {
	allow := r.files[1].known.Load()
	return allow != nil && allow.list.contains(a)
}
