package strictjson

import "strconv"

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func (r *reader) digits() bool {
	begin := r.at
	for isDigit(r.next()) {
		r.at++
	}
	return r.at > begin
}

func (r *reader) number() (any, error) {
	begin, whole := r.at, true
	if r.next() == '-' {
		r.at++
	}
	if r.next() == '0' {
		r.at++
	} else if !r.digits() {
		return nil, r.bad("a digit was expected")
	}
	if r.next() == '.' {
		r.at, whole = r.at+1, false
		if !r.digits() {
			return nil, r.bad("a digit was expected")
		}
	}
	if c := r.next(); c == 'e' || c == 'E' {
		r.at, whole = r.at+1, false
		if c := r.next(); c == '+' || c == '-' {
			r.at++
		}
		if !r.digits() {
			return nil, r.bad("a digit was expected")
		}
	}
	if r.at-begin > maxNumber {
		return nil, &Error{begin, "a number has too many digits"}
	}
	text := string(r.text[begin:r.at])
	if whole {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n, nil
		}
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, &Error{begin, "a number is too large"}
	}
	return n, nil
}
