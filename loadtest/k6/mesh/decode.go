package mesh

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/grafana/sobek"
)

// Bytes is what a script gives as a string (its UTF-8) or as an ArrayBuffer.
type Bytes []byte

var bytesType = reflect.TypeFor[Bytes]()

// decode fills a struct from a JavaScript object by the fields' js tags.
func decode(rt *sobek.Runtime, v sobek.Value, into any) error {
	if v == nil || sobek.IsUndefined(v) || sobek.IsNull(v) {
		return nil
	}
	return fill(v.Export(), reflect.ValueOf(into).Elem(), "")
}

func fill(from any, into reflect.Value, at string) error {
	if from == nil {
		return nil
	}
	if into.Type() == bytesType {
		raw, err := toBytes(from)
		if err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		into.SetBytes(raw)
		return nil
	}
	switch into.Kind() {
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		return fill(from, into.Elem(), at)
	case reflect.Struct:
		return fillStruct(from, into, at)
	case reflect.Slice:
		list, ok := from.([]any)
		if !ok {
			return fmt.Errorf("%s is a list, not %T", at, from)
		}
		into.Set(reflect.MakeSlice(into.Type(), len(list), len(list)))
		for i, element := range list {
			if err := fill(element, into.Index(i), fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
		return nil
	case reflect.Interface:
		into.Set(reflect.ValueOf(from))
		return nil
	}
	value := reflect.ValueOf(from)
	if into.Kind() == reflect.String != (value.Kind() == reflect.String) || !value.CanConvert(into.Type()) {
		return fmt.Errorf("%s is a %s, not %T", at, into.Kind(), from)
	}
	into.Set(value.Convert(into.Type()))
	return nil
}

func fillStruct(from any, into reflect.Value, at string) error {
	object, ok := from.(map[string]any)
	if !ok {
		return fmt.Errorf("%s is an object, not %T", at, from)
	}
	fields := map[string]reflect.Value{}
	collect(into, fields)
	for key, value := range object {
		field, ok := fields[key]
		if !ok {
			return fmt.Errorf("there is no option %q", strings.TrimPrefix(at+"."+key, "."))
		}
		if err := fill(value, field, strings.TrimPrefix(at+"."+key, ".")); err != nil {
			return err
		}
	}
	return nil
}

func collect(from reflect.Value, into map[string]reflect.Value) {
	for i := range from.NumField() {
		field := from.Type().Field(i)
		if field.Anonymous {
			collect(from.Field(i), into)
		} else if name := field.Tag.Get("js"); name != "" {
			into[name] = from.Field(i)
		}
	}
}

func toBytes(from any) ([]byte, error) {
	switch v := from.(type) {
	case nil:
		return nil, nil
	case string:
		return []byte(v), nil
	case []byte:
		return v, nil
	case Bytes:
		return v, nil
	case sobek.ArrayBuffer:
		return v.Bytes(), nil
	case sobek.Value:
		return toBytes(v.Export())
	}
	return nil, fmt.Errorf("a string or an ArrayBuffer, not %T", from)
}
