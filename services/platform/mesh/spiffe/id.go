// Package spiffe has the one kind of SPIFFE ID that the mesh accepts: a service of Consul Connect
// (SPIFFE-ID, section 2; the path is Consul's).
package spiffe

import (
	"errors"
	"fmt"
	"strings"
)

// maxLen is the longest ID that a SPIFFE implementation has to support (SPIFFE-ID, section 2.3).
const maxLen = 2048

// ID names one service of one datacenter of one mesh.
type ID struct{ TrustDomain, Datacenter, Service string }

// String returns spiffe://<trust domain>/ns/default/dc/<datacenter>/svc/<service>, or "" for the zero ID.
func (id ID) String() string {
	if id == (ID{}) {
		return ""
	}
	return "spiffe://" + id.TrustDomain + "/ns/default/dc/" + id.Datacenter + "/svc/" + id.Service
}

// Parse reads an ID strictly: no escapes, ports, queries, admin partitions or namespaces other than
// default. Two different texts never give the same ID, so an ID can be compared with ==.
func Parse(uri string) (ID, error) {
	if len(uri) > maxLen {
		return ID{}, errors.New("SPIFFE ID is longer than 2048 bytes")
	}
	rest, ok := strings.CutPrefix(uri, "spiffe://")
	if !ok {
		return ID{}, errors.New("not a SPIFFE ID: the scheme isn't spiffe")
	}
	part := strings.Split(rest, "/")
	if len(part) != 7 || part[1] != "ns" || part[2] != "default" || part[3] != "dc" || part[5] != "svc" {
		return ID{}, errors.New("not a service's SPIFFE ID: the path isn't /ns/default/dc/<dc>/svc/<service>")
	}
	id := ID{TrustDomain: part[0], Datacenter: part[4], Service: part[6]}
	if !validTrustDomain(id.TrustDomain) {
		return ID{}, errors.New("SPIFFE ID with an invalid trust domain")
	}
	for _, segment := range []string{id.Datacenter, id.Service} {
		if !validSegment(segment) {
			return ID{}, fmt.Errorf("SPIFFE ID with an invalid path segment %q", segment)
		}
	}
	return id, nil
}

func validTrustDomain(s string) bool {
	return len(s) <= 255 && validSegment(s) && strings.ToLower(s) == s
}

func validSegment(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return s != "" && s != "." && s != ".."
}
