package storagetest

import (
	"reflect"
	"time"
)

// scramble overwrites, in place, everything that can be reached from v, a
// pointer: what a store hands out or was given must not be a part of the
// store. Lengths stay as they are, so that shared elements are hit.
func scramble(v any) { scrambleValue(reflect.ValueOf(v)) }

func scrambleValue(v reflect.Value) {
	if v.Type() == timeType {
		v.Set(reflect.ValueOf(time.Unix(1, 0).UTC()))
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			scrambleValue(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			scrambleValue(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			scrambleValue(v.Index(i))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			value := reflect.New(v.Type().Elem()).Elem()
			scrambleValue(value)
			v.SetMapIndex(key, value)
		}
	case reflect.String:
		v.SetString("scrambled")
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Uint8:
		v.SetUint('!')
	case reflect.Int, reflect.Int64:
		v.SetInt(-99)
	default:
		panic("storagetest: cannot scramble a " + v.Type().String())
	}
}

// deepCopy returns a copy that shares nothing with v, made without the help
// of what is under test.
func deepCopy[T any](v T) T {
	var out T
	copyValue(reflect.ValueOf(&out).Elem(), reflect.ValueOf(&v).Elem())
	return out
}

func copyValue(to, from reflect.Value) {
	if from.IsZero() || from.Type() == timeType {
		to.Set(from)
		return
	}
	switch from.Kind() {
	case reflect.Pointer:
		to.Set(reflect.New(from.Type().Elem()))
		copyValue(to.Elem(), from.Elem())
	case reflect.Interface:
		value := reflect.New(from.Elem().Type()).Elem()
		copyValue(value, from.Elem())
		to.Set(value)
	case reflect.Struct:
		for i := range from.NumField() {
			copyValue(to.Field(i), from.Field(i))
		}
	case reflect.Slice:
		to.Set(reflect.MakeSlice(from.Type(), from.Len(), from.Len()))
		for i := range from.Len() {
			copyValue(to.Index(i), from.Index(i))
		}
	case reflect.Map:
		to.Set(reflect.MakeMapWithSize(from.Type(), from.Len()))
		for _, key := range from.MapKeys() {
			value := reflect.New(from.Type().Elem()).Elem()
			copyValue(value, from.MapIndex(key))
			to.SetMapIndex(key, value)
		}
	default:
		to.Set(from)
	}
}
