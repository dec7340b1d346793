package storagetest

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// The suite says that every field survives. So its samples must have
// something in every field, also in those that are added later.
func TestSamplesAreFull(t *testing.T) {
	t.Parallel()
	c := newChecker(t, nil)
	for what, sample := range map[string]any{
		"payment": *c.fullPayment(), "message": c.fullMessage(), "claim": fullClaim(payments.EndUser{ID: "u", Tenant: "t"}, "p"),
		"event": fullEvent("p", 1),
	} {
		require.Empty(t, empty(what, reflect.ValueOf(sample)), "fields that the suite would not notice to be lost")
	}
}

// empty names the first field that is zero; of slices, one element must be
// full.
func empty(path string, v reflect.Value) string {
	if v.IsZero() {
		return path
	}
	switch {
	case v.Type() == timeType || v.Type() == jsonType:
	case v.Kind() == reflect.Pointer:
		return empty(path, v.Elem())
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8:
		return empty(path+"[0]", v.Index(0))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if v.Type() == reflect.TypeFor[payments.Event]() && (field.Name == "Order" || field.Name == "Now") {
				continue // not stored
			}
			if found := empty(path+"."+field.Name, v.Field(i)); found != "" {
				return found
			}
		}
	}
	return ""
}

func TestDiff(t *testing.T) {
	t.Parallel()
	type inner struct{ N int }
	type outer struct {
		S   string
		P   *inner
		L   []inner
		M   map[string]string
		T   time.Time
		J   json.RawMessage
		B   []byte
		Any any
	}
	full := func() outer {
		return outer{
			S: "s", P: &inner{1}, L: []inner{{1}, {2}}, M: map[string]string{"a": "1"}, T: epoch,
			J: json.RawMessage(`{"a": 9007199254740993, "b": [1]}`), B: []byte{0, 1}, Any: inner{3},
		}
	}
	for i, same := range []func(*outer){
		func(o *outer) {},
		func(o *outer) { o.J = json.RawMessage(`{"b":[1],"a":9007199254740993}`) },
	} {
		got := full()
		same(&got)
		require.Empty(t, diff(full(), got), i)
	}
	require.Empty(t, diff(outer{L: []inner{}, M: map[string]string{}, B: []byte{}, J: json.RawMessage{}}, outer{}), "nil and empty")

	for want, change := range map[string]func(*outer){
		`S: want "s", got "t"`:          func(o *outer) { o.S = "t" },
		"P.N: want 1, got 2":            func(o *outer) { o.P.N = 2 },
		"P: want ":                      func(o *outer) { o.P = nil },
		"L[1].N: want 2":                func(o *outer) { o.L[1].N = 9 },
		"L: want 2, got 1":              func(o *outer) { o.L = o.L[:1] },
		`M["a"]: want "1"`:              func(o *outer) { o.M["a"] = "2" },
		"M: want map[a:1]":              func(o *outer) { o.M["b"] = "2" },
		`M["a"]: want "1", got nothing`: func(o *outer) { o.M = map[string]string{"b": "1"} },
		"T: want 2026-03-04 05:06:07.890123 +0000 UTC, got 2026-03-04 05:06:07.890124": func(o *outer) { o.T = o.T.Add(time.Microsecond) },
		"T: want 2026-03-04 05:06:07.890123 +0000 UTC, got 2026-03-04 12:06:07.890123 +0700": func(o *outer) {
			o.T = o.T.In(time.FixedZone("WIB", 7*60*60))
		},
		"J: want {":            func(o *outer) { o.J = json.RawMessage(`{"a": 9007199254740992, "b": [1]}`) },
		"B: want":              func(o *outer) { o.B[1] = 2 },
		"Any.N: want 3, got 4": func(o *outer) { o.Any = inner{4} },
		"Any: want":            func(o *outer) { o.Any = nil },
	} {
		got := full()
		change(&got)
		require.Contains(t, diff(full(), got), want)
	}
}

func TestScramble(t *testing.T) {
	t.Parallel()
	encode := func(p *payments.Payment) string {
		text, err := json.Marshal(p)
		require.NoError(t, err)
		return string(text)
	}
	p := newChecker(t, nil).fullPayment()
	before, apart, shallow := encode(p), deepCopy(p), *p
	require.Empty(t, diff(p, apart))
	p.Extra, p.Sessions[0].Extra = []byte("1"), []byte("2") // scrambled bytes are no JSON
	shared := shallow.Metadata
	scramble(&shallow)
	require.Equal(t, before, encode(apart), "a deep copy shares nothing")
	require.Equal(t, "scrambled", shared["case"])
	require.Equal(t, "scrambled", p.Plan.ID)
	require.Equal(t, "scrambled", p.Sessions[1].Ref)
	require.Equal(t, "scrambled", p.Watch.Doubts[0].Facts[0].Key)
	require.Equal(t, "scrambled", p.Attempts[1].Facts[0].Key)
}
