package ratelimit

import (
	"strconv"
	"time"
)

// Policy describes the limit as a member of the RateLimit-Policy field, draft-ietf-httpapi-ratelimit-headers-10.
func (l *Limit) Policy() string {
	text := `"` + l.Name + `";q=` + strconv.FormatInt(l.Quota.Count, 10) + `;w=` + strconv.FormatInt(int64(l.Quota.Period/time.Second), 10)
	if l.Unit != "" && l.Unit != "requests" { // the draft's default
		text += `;qu="` + l.Unit + `"`
	}
	return text
}

// AppendState appends the limit's state to a RateLimit field: what remains, and in how many seconds all of it is back.
func (l *Limit) AppendState(field []byte, r Result) []byte {
	if len(field) > 0 {
		field = append(field, ", "...)
	}
	field = append(append(append(field, '"'), l.Name...), `";r=`...)
	field = append(strconv.AppendInt(field, r.Remaining, 10), ";t="...)
	return strconv.AppendInt(field, int64((r.Reset+time.Second-1)/time.Second), 10)
}
