package contract

import (
	"fmt"
	"mime"
	"strings"

	"redoubt.example/gateway/internal/strictjson"
)

func (o *Operation) checkBody(r Request) (any, error) {
	switch {
	case len(r.Body) == 0 && o.needsBody:
		return nil, &Violation{In: "body", Detail: "the body is missing", Rule: "required"}
	case len(r.Body) == 0:
		return nil, nil
	case !o.takesBody:
		return nil, &Violation{In: "body", Detail: "this route takes no body", Rule: "unknown"}
	case !isJSON(r.Header["Content-Type"]):
		return nil, &Violation{In: "media", Detail: "the content type must be " + mediaJSON, Rule: "content-type"}
	}
	value, err := strictjson.Decode(r.Body)
	if err != nil {
		return nil, &Violation{In: "body", Detail: fmt.Sprintf("the body is not JSON that can be taken: %v", err), Rule: "json"}
	}
	if err := o.body.Validate(value); err != nil {
		return nil, violation("body", "the body", err)
	}
	return value, nil
}

// isJSON is strict: one header, that type, and no parameter but charset=utf-8, which says what JSON is anyway.
func isJSON(values []string) bool {
	if len(values) != 1 {
		return false
	}
	if values[0] == mediaJSON {
		return true
	}
	media, params, err := mime.ParseMediaType(values[0])
	if err != nil || media != mediaJSON {
		return false
	}
	for name, value := range params {
		if name != "charset" || !strings.EqualFold(value, "utf-8") {
			return false
		}
	}
	return true
}
