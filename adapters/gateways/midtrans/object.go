package midtrans

import (
	"bytes"
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
	value string // as sent: JSON
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
	if !json.Valid(data) {
		return nil, errNotJSON
	}
	o, err := members(string(data))
	if err != nil {
		return nil, err
	}
	names := make([]string, len(o))
	for i, m := range o {
		names[i] = fold(m.name)
	}
	slices.Sort(names)
	if len(slices.Compact(names)) < len(o) {
		return nil, errors.New("a name occurs twice")
	}
	return o, nil
}

var errNotJSON = errors.New("not valid JSON, or more than one value")

// readObject reads one JSON object and nothing behind it.
func readObject(text string) (object, error) {
	if !json.Valid([]byte(text)) {
		return nil, errNotJSON
	}
	return members(text)
}

// members takes valid JSON apart.
func members(text string) (object, error) {
	rest := skip(text, 0)
	if rest[0] != '{' {
		return nil, errors.New("not a JSON object")
	}
	o := make(object, 0, min(strings.Count(rest, ":"), 64)) // colons may stand in a text
	for rest = skip(rest, 1); rest[0] != '}'; {
		end := valueEnd(rest)
		name := stringOf(rest[:end])
		rest = skip(skip(rest, end), 1) // the colon
		end = valueEnd(rest)
		o = append(o, member{name, rest[:end]})
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

// get returns the member's value as sent, or "".
func (o object) get(name string) string {
	for i := range o {
		if o[i].name == name {
			return o[i].value
		}
	}
	return ""
}

// text returns a string's content or a number as written; "" for all else.
// Midtrans does not stick to one of the two.
func (o object) text(name string) string {
	raw := o.get(name)
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

// money reads an amount, a string or a number.
func (o object) money(name string, c payments.Currency) (payments.Money, error) {
	return payments.ParseMoneyJSON([]byte(o.get(name)), c)
}

// object returns the member's object, or nil.
func (o object) object(name string) object {
	inner, err := readObject(o.get(name))
	if err != nil {
		return nil
	}
	return inner
}

// list returns the items of the member's array, as sent. A missing or null
// member is an empty one.
func (o object) list(name string) ([]string, error) {
	raw := o.get(name)
	if raw == "" || raw == "null" {
		return nil, nil
	}
	if raw[0] != '[' {
		return nil, fmt.Errorf("%s is not a list", name)
	}
	return elementsOf(raw), nil
}

// objects are the objects in the member's array; what is none is left out.
func (o object) objects(name string) iter.Seq[object] {
	return func(yield func(object) bool) {
		list, _ := o.list(name) // no list: no objects
		for _, raw := range list {
			if inner, err := readObject(raw); err == nil && !yield(inner) {
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

// texts returns the strings of an array, or the string itself.
func (o object) texts(name string) []string {
	if s := o.text(name); s != "" {
		return []string{s}
	}
	var list []string
	if json.Unmarshal([]byte(o.get(name)), &list) != nil {
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
// finds in any text. It fails on what nests too deeply. It reads each byte
// once: strangers can have it done, as it comes before the signature.
func clean(o object, scrub func(string) string) ([]byte, error) {
	size := 2
	for i := range o {
		size += len(o[i].name) + len(o[i].value) + 4
	}
	c := cleaner{scrub: scrub, out: make([]byte, 0, size)}
	c.out = append(c.out, '{')
	for i, m := range o {
		if i > 0 {
			c.out = append(c.out, ',')
		}
		if _, err := c.member(m.name, m.value, maxDepth-1); err != nil {
			return nil, err
		}
	}
	return append(c.out, '}'), nil
}

type cleaner struct {
	scrub func(string) string
	out   []byte
}

// member prints a member whose value text begins with, and returns what is
// behind the value.
func (c *cleaner) member(name, text string, depth int) (rest string, err error) {
	c.out = append(appendString(c.out, c.scrub(name)), ':')
	if isSecret(name) {
		c.out = appendString(c.out, removed)
		return text[valueEnd(text):], nil
	}
	return c.value(text, depth)
}

// value prints the value that text, valid JSON, begins with, and returns what
// is behind it.
func (c *cleaner) value(text string, depth int) (rest string, err error) {
	if depth == 0 {
		return "", errors.New("nested too deeply")
	}
	opened := text[0]
	switch opened {
	case '{', '[':
		c.out = append(c.out, opened)
		for text = skip(text, 1); text[0] != '}' && text[0] != ']'; {
			if opened == '{' {
				end := valueEnd(text)
				name := stringOf(text[:end])
				text, err = c.member(name, skip(skip(text, end), 1), depth-1) // behind the colon
			} else {
				text, err = c.value(text, depth-1)
			}
			if err != nil {
				return "", err
			}
			if text = skip(text, 0); text[0] == ',' {
				c.out, text = append(c.out, ','), skip(text, 1)
			}
		}
		c.out = append(c.out, text[0])
		return text[1:], nil
	case '"':
		end := valueEnd(text)
		c.out = appendString(c.out, c.scrub(stringOf(text[:end])))
		return text[end:], nil
	}
	end := valueEnd(text)
	c.out = append(c.out, text[:end]...)
	return text[end:], nil
}

// appendString prints a JSON string, with <, > and & as they are.
func appendString(out []byte, s string) []byte {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r >= utf8.RuneSelf }) {
		return append(append(append(out, '"'), s...), '"')
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string into memory cannot fail
	return append(out, bytes.TrimRight(b.Bytes(), "\n")...)
}
