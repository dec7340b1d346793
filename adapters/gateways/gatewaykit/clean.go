package gatewaykit

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// Removed stands where a secret was.
const Removed = "[removed]"

// Clean prints o without secrets: the values of members that secret says so
// of, by their names in lower case, and whatever scrub finds in any text, names
// included. What is removed becomes the string [Removed], so nothing that is read
// of a kept message may depend on it. It fails on what nests too deeply. It reads
// each byte once: strangers can have it done, as it comes before the signature.
func Clean(o Object, secret func(name string) bool, scrub func(text string) string) ([]byte, error) {
	size := 2
	for i := range o {
		size += len(o[i].Name) + len(o[i].Value) + 4
	}
	c := cleaner{secret: secret, scrub: scrub, out: make([]byte, 0, size)}
	c.out = append(c.out, '{')
	for i, m := range o {
		if i > 0 {
			c.out = append(c.out, ',')
		}
		if _, err := c.member(m.Name, m.Value, MaxDepth-1); err != nil {
			return nil, err
		}
	}
	return append(c.out, '}'), nil
}

type cleaner struct {
	secret func(string) bool
	scrub  func(string) string
	out    []byte
}

// member prints a member whose value text begins with, and returns what is
// behind the value.
func (c *cleaner) member(name, text string, depth int) (rest string, err error) {
	c.out = append(appendString(c.out, c.scrub(name)), ':')
	if c.secret(strings.ToLower(name)) {
		c.out = appendString(c.out, Removed)
		return text[valueEnd(text):], nil
	}
	return c.value(text, depth)
}

// value prints the value that text, valid JSON, begins with, and returns what
// is behind it.
func (c *cleaner) value(text string, depth int) (rest string, err error) {
	if depth == 0 {
		return "", errDeep
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
