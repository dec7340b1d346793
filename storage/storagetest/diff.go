package storagetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

var (
	timeType = reflect.TypeFor[time.Time]()
	jsonType = reflect.TypeFor[json.RawMessage]()
)

// diff names the first place where got is not want, or returns "". Nil and
// empty slices and maps are the same, since no store has to tell them apart.
// Times must be the same instant, and got's must be in UTC. Raw JSON is
// compared by what it says, not by its spaces or the order of its keys.
func diff(want, got any) string {
	return diffAt("", reflect.ValueOf(want), reflect.ValueOf(got))
}

func diffAt(path string, want, got reflect.Value) string {
	if !want.IsValid() || !got.IsValid() || want.Type() != got.Type() {
		if !want.IsValid() && !got.IsValid() {
			return ""
		}
		return differs(path, want, got)
	}
	switch want.Type() {
	case timeType:
		w, g := want.Interface().(time.Time), got.Interface().(time.Time)
		if !w.Equal(g) || g.Location() != time.UTC {
			return differs(path, want, got)
		}
		return ""
	case jsonType:
		if !sameJSON(want.Bytes(), got.Bytes()) {
			return fmt.Sprintf("%swant %s, got %s", colon(path), want.Bytes(), got.Bytes())
		}
		return ""
	}
	switch want.Kind() {
	case reflect.Pointer, reflect.Interface:
		if want.IsNil() != got.IsNil() {
			return differs(path, want, got)
		}
		if want.IsNil() {
			return ""
		}
		return diffAt(path, want.Elem(), got.Elem())
	case reflect.Struct:
		for i := range want.NumField() {
			if d := diffAt(path+"."+want.Type().Field(i).Name, want.Field(i), got.Field(i)); d != "" {
				return d
			}
		}
		return ""
	case reflect.Slice:
		if want.Type().Elem().Kind() == reflect.Uint8 {
			if !bytes.Equal(want.Bytes(), got.Bytes()) {
				return fmt.Sprintf("%swant %q, got %q", colon(path), want.Bytes(), got.Bytes())
			}
			return ""
		}
		if want.Len() != got.Len() {
			return fmt.Sprintf("%swant %d, got %d:\nwant %+v\ngot  %+v", colon(path), want.Len(), got.Len(), want, got)
		}
		for i := range want.Len() {
			if d := diffAt(fmt.Sprintf("%s[%d]", path, i), want.Index(i), got.Index(i)); d != "" {
				return d
			}
		}
		return ""
	case reflect.Map:
		if want.Len() != got.Len() {
			return differs(path, want, got)
		}
		for _, key := range want.MapKeys() {
			if d := diffAt(fmt.Sprintf("%s[%q]", path, key), want.MapIndex(key), got.MapIndex(key)); d != "" {
				return d
			}
		}
		return ""
	}
	if !want.Equal(got) {
		return differs(path, want, got)
	}
	return ""
}

func differs(path string, want, got reflect.Value) string {
	return fmt.Sprintf("%swant %s, got %s", colon(path), show(want), show(got))
}

func show(v reflect.Value) string {
	switch {
	case !v.IsValid():
		return "nothing"
	case v.Kind() == reflect.String:
		return fmt.Sprintf("%q", v.String())
	}
	return fmt.Sprintf("%+v", v)
}

func colon(path string) string {
	if path == "" {
		return ""
	}
	return strings.TrimPrefix(path, ".") + ": "
}

func sameJSON(a, b []byte) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	var v, w any
	for raw, into := range map[*[]byte]*any{&a: &v, &b: &w} {
		d := json.NewDecoder(bytes.NewReader(*raw))
		d.UseNumber() // large integers must not pass through float64
		if d.Decode(into) != nil {
			return false
		}
	}
	return reflect.DeepEqual(v, w)
}
