package gatewaykit

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lunaspay/lunas/payments"
)

const (
	// MaxBody is the most that is read of an answer or a notification.
	MaxBody = 1 << 20
	// MaxDepth is how deep a body may nest.
	MaxDepth = 32
)

// Object is a JSON object as it stands: its members in order, their names
// unescaped, their values as sent. Unlike decoding into a struct, this cannot
// confuse "Order_id" with "order_id".
type Object []Member

// Member is one member of an Object.
type Member struct {
	Name  string
	Value string // as sent: JSON
}

// ReadBody reads a body: one JSON object and nothing behind it. Names that
// are equal, or that only a careful reader tells apart, are refused: which of
// the two values was signed would be anybody's guess.
func ReadBody(data []byte) (Object, error) {
	if len(data) > MaxBody {
		return nil, fmt.Errorf("larger than %d bytes", MaxBody)
	}
	if !utf8.Valid(data) {
		return nil, errors.New("not UTF-8")
	}
	if !json.Valid(data) {
		return nil, errNotJSON
	}
	o, err := members(string(data))
	if err != nil {
		return nil, err
	}
	if hasTwice(o) {
		return nil, errTwice
	}
	return o, nil
}

// hasTwice reports whether names are equal but for what a careful reader sees.
func hasTwice(o Object) bool {
	names := make([]string, len(o))
	for i, m := range o {
		names[i] = fold(m.Name)
	}
	slices.Sort(names)
	return len(slices.Compact(names)) < len(o)
}

var errNotJSON = errors.New("not valid JSON, or more than one value")

// ReadObject reads one JSON object and nothing behind it.
func ReadObject(text string) (Object, error) {
	if !json.Valid([]byte(text)) {
		return nil, errNotJSON
	}
	return members(text)
}

// members takes valid JSON apart.
func members(text string) (Object, error) {
	rest := skip(text, 0)
	if rest[0] != '{' {
		return nil, errors.New("not a JSON object")
	}
	o := make(Object, 0, min(strings.Count(rest, ":"), 64)) // colons may stand in a text
	for rest = skip(rest, 1); rest[0] != '}'; {
		end := valueEnd(rest)
		name := stringOf(rest[:end])
		rest = skip(skip(rest, end), 1) // the colon
		end = valueEnd(rest)
		o = append(o, Member{name, rest[:end]})
		if rest = skip(rest, end); rest[0] == ',' {
			rest = skip(rest, 1)
		}
	}
	return o, nil
}

// skip leaves out so many bytes, and space.
func skip(text string, n int) string {
	for n < len(text) && (text[n] == ' ' || text[n] == '\t' || text[n] == '\r' || text[n] == '\n') {
		n++
	}
	return text[n:]
}

// valueEnd is where the value ends that valid JSON begins with.
func valueEnd(text string) int {
	depth := 0
	for i := 0; ; i++ {
		switch text[i] {
		case '"':
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		default:
			if depth > 0 {
				continue
			}
			end := strings.IndexAny(text[i:], ",}] \t\r\n") // a number or a word
			if end < 0 {
				end = len(text) - i
			}
			return i + end
		}
		if depth == 0 {
			return i + 1
		}
	}
}

// stringOf decodes a valid JSON string.
func stringOf(raw string) string {
	if strings.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	var s string
	_ = json.Unmarshal([]byte(raw), &s) // it is valid
	return s
}

// fold maps names that differ in case only, also where Unicode sees mere
// case (the long s), to one.
func fold(name string) string {
	if !isASCII(name) {
		name = strings.Map(func(r rune) rune {
			for {
				next := unicode.SimpleFold(r)
				if next <= r {
					return next
				}
				r = next
			}
		}, name)
	}
	return strings.ToLower(name)
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

// Get returns the member's value as sent, or "".
func (o Object) Get(name string) string {
	for i := range o {
		if o[i].Name == name {
			return o[i].Value
		}
	}
	return ""
}

// Text returns a string's content or a number as written; "" for all else.
// Gateways do not stick to one of the two.
func (o Object) Text(name string) string {
	raw := o.Get(name)
	switch {
	case raw == "":
		return ""
	case raw[0] == '"':
		return stringOf(raw)
	case raw[0] == '-' || (raw[0] >= '0' && raw[0] <= '9'):
		return raw
	}
	return ""
}

// Money reads an amount, a string or a number, as [payments.ParseMoney] does: in
// whole units with decimals. It is not for gateways that count in hundredths.
func (o Object) Money(name string, c payments.Currency) (payments.Money, error) {
	return payments.ParseMoneyJSON([]byte(o.Get(name)), c)
}

// Object returns the member's object, or nil.
func (o Object) Object(name string) Object {
	inner, err := ReadObject(o.Get(name))
	if err != nil {
		return nil
	}
	return inner
}

// List returns the items of the member's array, as sent. A missing or null
// member is an empty one.
func (o Object) List(name string) ([]string, error) {
	raw := o.Get(name)
	if raw == "" || raw == "null" {
		return nil, nil
	}
	if raw[0] != '[' {
		return nil, fmt.Errorf("%s is not a list", name)
	}
	return elementsOf(raw), nil
}

// Objects are the objects in the member's array; what is none is left out.
func (o Object) Objects(name string) iter.Seq[Object] {
	return func(yield func(Object) bool) {
		list, _ := o.List(name) // no list: no objects
		for _, raw := range list {
			if inner, err := ReadObject(raw); err == nil && !yield(inner) {
				return
			}
		}
	}
}

// elementsOf are the elements of a valid JSON array.
func elementsOf(raw string) (elements []string) {
	for rest := skip(raw, 1); rest[0] != ']'; {
		end := valueEnd(rest)
		elements = append(elements, rest[:end])
		if rest = skip(rest, end); rest[0] == ',' {
			rest = skip(rest, 1)
		}
	}
	return elements
}

// Texts returns the strings of an array, or the string itself.
func (o Object) Texts(name string) []string {
	if s := o.Text(name); s != "" {
		return []string{s}
	}
	var list []string
	if json.Unmarshal([]byte(o.Get(name)), &list) != nil {
		return nil
	}
	return list
}
