package gatewaykit

import (
	"encoding/base64"
	"net"
	"strings"
	"unicode"
)

// How much of a gateway's words an error keeps, in characters.
const (
	MaxCode    = 20
	MaxMessage = 300
)

// Shorten makes foreign text fit to be kept: no control characters, at most n
// characters.
func Shorten(s string, n int) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s))
	for i := range s {
		if n == 0 {
			return strings.TrimSpace(s[:i])
		}
		n--
	}
	return s
}

// Scrubber returns a function that removes secrets from foreign text, wherever
// they occur: short ones take harmless text with them. Of a secret that another
// one begins with, name the longer one first.
func Scrubber(secrets ...string) func(string) string {
	var pairs []string
	for _, secret := range secrets {
		if secret != "" {
			pairs = append(pairs, secret, Removed)
		}
	}
	replacer := strings.NewReplacer(pairs...)
	return func(text string) string {
		for i := 0; i < len(pairs); i += 2 {
			if strings.Contains(text, pairs[i]) { // hardly ever, and a Replacer copies what it leaves as it is
				return replacer.Replace(text)
			}
		}
		return text
	}
}

// Basic is what HTTP Basic makes of a user and a password.
func Basic(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}

// IsID reports whether a gateway's id may be stored and shown: not empty, at most
// so many bytes, without space and control characters. For a path that is not
// enough: "/", "?" and ".." pass, and url.PathEscape leaves ".." as it is.
func IsID(s string, most int) bool {
	return s != "" && len(s) <= most && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r)
	})
}

// IsLoopback reports whether the host is this machine.
func IsLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
