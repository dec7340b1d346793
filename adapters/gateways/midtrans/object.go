package midtrans

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxBody is the most that is read of an answer or a notification.
	maxBody = 1 << 20
	// maxDepth is how deep a body may nest; Midtrans needs five levels.
	maxDepth = 32
)

// object is a JSON object as it stands: its members in order, their names
// unescaped, their values as sent. Unlike decoding into a struct, this cannot
// confuse "Order_id" with "order_id".
type object []member

type member struct {
	name  string
	value json.RawMessage
}

// readBody reads a body: one JSON object and nothing behind it. Names that
// are equal, or that only a careful reader tells apart, are refused: which of
// the two values was signed would be anybody's guess.
func readBody(data []byte) (object, error) {
	if len(data) > maxBody {
		return nil, fmt.Errorf("larger than %d bytes", maxBody)
	}
	if !utf8.Valid(data) {
		return nil, errors.New("not UTF-8")
	}
	o, err := readObject(data)
	if err != nil {
		return nil, err
	}
	seen := make(map[string]bool, len(o))
	for _, m := range o {
		name := fold(m.name)
		if seen[name] {
			return nil, errors.New("a name occurs twice")
		}
		seen[name] = true
	}
	return o, nil
}

// readObject reads one JSON object and nothing behind it.
func readObject(data []byte) (object, error) {
	if !json.Valid(data) {
		return nil, errors.New("not valid JSON, or more than one value")
	}
	rest := bytes.TrimLeft(data, space)
	if rest[0] != '{' {
		return nil, errors.New("not a JSON object")
	}
	o := make(object, 0, bytes.Count(data, []byte{':'}))
	for rest = skip(rest, 1); rest[0] != '}'; {
		end := valueEnd(rest)
		name := stringOf(rest[:end])
		rest = skip(skip(rest, end), 1) // the colon
		end = valueEnd(rest)
		o = append(o, member{name, rest[:end:end]})
		if rest = skip(rest, end); rest[0] == ',' {
			rest = skip(rest, 1)
		}
	}
	return o, nil
}

const space = " \t\r\n"

// skip leaves out so many bytes, and space.
func skip(data []byte, n int) []byte { return bytes.TrimLeft(data[n:], space) }

// valueEnd is where the value ends that valid JSON begins with.
func valueEnd(data []byte) int {
	depth := 0
	for i := 0; ; i++ {
		switch data[i] {
		case '"':
			for i++; data[i] != '"'; i++ {
				if data[i] == '\\' {
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
			end := bytes.IndexAny(data[i:], ",}] \t\r\n") // a number or a word
			if end < 0 {
				end = len(data) - i
			}
			return i + end
		}
		if depth == 0 {
			return i + 1
		}
	}
}

// stringOf decodes a valid JSON string.
func stringOf(raw []byte) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	var s string
	_ = json.Unmarshal(raw, &s) // it is valid
	return s
}

// fold maps names that differ in case only, also where Unicode sees mere
// case (the long s), to one.
func fold(name string) string {
	if !strings.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return strings.ToUpper(name)
	}
	return strings.Map(func(r rune) rune {
		for {
			next := unicode.SimpleFold(r)
			if next <= r {
				return next
			}
			r = next
		}
	}, name)
}

// get returns the member's value, or nil.
func (o object) get(name string) json.RawMessage {
	for _, m := range o {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// text returns a string's content or a number as written; "" for all else.
// Midtrans does not stick to one of the two.
func (o object) text(name string) string {
	raw := o.get(name)
	switch {
	case len(raw) == 0:
		return ""
	case raw[0] == '"':
		return stringOf(raw)
	case raw[0] == '-' || (raw[0] >= '0' && raw[0] <= '9'):
		return string(raw)
	}
	return ""
}

// object returns the member's object, or nil.
func (o object) object(name string) object {
	inner, err := readObject(o.get(name))
	if err != nil {
		return nil
	}
	return inner
}

// list returns the items of the member's array. A missing or null member is
// an empty one.
func (o object) list(name string) ([]json.RawMessage, error) {
	raw := o.get(name)
	if len(raw) == 0 {
		return nil, nil
	}
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, fmt.Errorf("%s is not a list", name)
	}
	return items, nil
}

// texts returns the strings of an array, or the string itself.
func (o object) texts(name string) []string {
	if s := o.text(name); s != "" {
		return []string{s}
	}
	var list []string
	if json.Unmarshal(o.get(name), &list) != nil {
		return nil
	}
	return list
}

const removed = "[removed]"

// isSecret tells the names of values that must not be kept: what signs, and
// tokens by which a card or wallet can be charged.
func isSecret(name string) bool {
	switch strings.ToLower(name) {
	case "signature_key", "saved_token_id", "token_id", "token", "card_token", "payment_option_token",
		"server_key", "card_number", "card_cvv", "cvv", "authorization":
		return true
	}
	return false
}

// clean prints o without secrets: those known by name, and whatever scrub
// finds in any text. It fails on what nests too deeply.
func clean(o object, scrub func(string) string) ([]byte, error) {
	return cleanObject(o, scrub, maxDepth)
}

func cleanObject(o object, scrub func(string) string, depth int) ([]byte, error) {
	out := []byte{'{'}
	for i, m := range o {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(out, quote(scrub(m.name))...), ':')
		if isSecret(m.name) {
			out = append(out, quote(removed)...)
			continue
		}
		value, err := cleanValue(m.value, scrub, depth-1)
		if err != nil {
			return nil, err
		}
		out = append(out, value...)
	}
	return append(out, '}'), nil
}

func cleanValue(raw json.RawMessage, scrub func(string) string, depth int) ([]byte, error) {
	if depth == 0 {
		return nil, errors.New("nested too deeply")
	}
	switch raw[0] {
	case '{':
		o, err := readObject(raw)
		if err != nil {
			return nil, err
		}
		return cleanObject(o, scrub, depth)
	case '[':
		var items []json.RawMessage
		if err := json.Unmarshal(raw, &items); err != nil {
			return nil, errors.New("not valid JSON")
		}
		out := []byte{'['}
		for i, item := range items {
			if i > 0 {
				out = append(out, ',')
			}
			value, err := cleanValue(item, scrub, depth-1)
			if err != nil {
				return nil, err
			}
			out = append(out, value...)
		}
		return append(out, ']'), nil
	case '"':
		return quote(scrub(stringOf(raw))), nil
	}
	return raw, nil
}

// quote prints a JSON string, with <, > and & as they are.
func quote(s string) []byte {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r >= utf8.RuneSelf }) {
		return []byte(`"` + s + `"`)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string into memory cannot fail
	return bytes.TrimRight(b.Bytes(), "\n")
}
