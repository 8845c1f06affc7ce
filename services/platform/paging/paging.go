// Package paging reads and writes what lists are paged by: ?limit=1..100 and an opaque ?cursor. A cursor is a
// position, not a permission: the query it goes into is the caller's own anyway.
package paging

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strconv"

	"redoubt.example/services/platform/fault"
)

const (
	defaultLimit = 20
	maxLimit     = 100
	maxCursor    = 512
)

// Read returns the limit, and decodes the cursor, if there is one, into position. The error is fault.Invalid.
func Read(query url.Values, position any) (limit int, err error) {
	limit = defaultLimit
	if text := query.Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > maxLimit {
			return 0, fault.New(fault.Invalid, "limit must be between 1 and %d", maxLimit)
		}
	}
	cursor := query.Get("cursor")
	if cursor == "" {
		return limit, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(cursor) > maxCursor || json.Unmarshal(text, position) != nil {
		return 0, fault.New(fault.Invalid, "cursor must be the value of \"next\" from an earlier answer")
	}
	return limit, nil
}

// Cursor encodes a position, which must be something that JSON can hold.
func Cursor(position any) string {
	text, err := json.Marshal(position)
	if err != nil { // a programming error: positions are made of times, numbers and IDs
		panic("paging: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(text)
}
