// Package leak watches what tests log. The suites of this repository build
// their loggers on it, so that all of them together are one test: whatever is
// exercised, no secret gets into a log. A test of its own sees to it that none
// of them does otherwise.
package leak

import (
	"io"
	"regexp"
	"testing"
)

// secrets are what the tests' secrets look like, whichever test made them up.
var secrets = []struct {
	what string
	form *regexp.Regexp
}{
	{"a server key", regexp.MustCompile(`(?i)\b(SB-)?Mid-server-[a-z0-9]`)},
	{"a server key in base64", regexp.MustCompile(`TWlkLXNlcnZlci|1pZC1zZXJ2ZXIt`)},
	{"a secret of Fazz's", regexp.MustCompile(`\b((test|live)_secret_|ss_)[a-z0-9]`)},
	{"an Authorization header", regexp.MustCompile(`(?i)\b(basic|bearer) [a-z0-9+/_.-]{8,}`)},
	{"a signature", regexp.MustCompile(`\b[0-9A-Fa-f]{128}\b`)},
	{"a card number", regexp.MustCompile(`\b[3-6][0-9]{3}([ -]?)[0-9]{4}([ -]?)[0-9]{4}([ -]?)[0-9]{4}\b`)},
	{"a token to pay by", regexp.MustCompile(`\btok-[0-9a-f]|/snap/v[0-9]+/redirection/[0-9a-f]`)},
}

// Found says what secret there is in text, or nothing.
func Found(text []byte) string {
	for _, s := range secrets {
		if s.form.Match(text) {
			return s.what
		}
	}
	return ""
}

// Watch is w, for the logger of a test: what is written fails the test if it
// holds a secret.
func Watch(t testing.TB, w io.Writer) io.Writer { return watched{t, w} }

type watched struct {
	t testing.TB
	w io.Writer
}

func (w watched) Write(p []byte) (int, error) {
	if what := Found(p); what != "" {
		w.t.Errorf("%s was logged: %s", what, p)
	}
	return w.w.Write(p)
}
