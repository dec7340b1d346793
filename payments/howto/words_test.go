package howto

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// each calls f with every sentence of every file, and where it stands.
func each(t *testing.T, f func(t *testing.T, where string, s text)) {
	t.Helper()
	w, err := read()
	require.NoError(t, err)
	require.NotEmpty(t, w.ways)
	for method, entries := range w.ways {
		for _, e := range entries {
			where := string(method) + " " + string(e.Channel)
			f(t, where+" title", e.Title)
			for _, step := range e.Steps {
				f(t, where, step)
			}
		}
	}
	for name, s := range w.general {
		f(t, name, s)
	}
}

func TestEverySentenceIsThereInBothLanguages(t *testing.T) {
	each(t, func(t *testing.T, where string, s text) {
		for _, sentence := range []string{s.ID, s.EN} {
			assert.NotEmpty(t, sentence, "%s: %+v", where, s)
			assert.Equal(t, strings.Join(strings.Fields(sentence), " "), sentence, "%s: blanks too many", where)
		}
		if strings.HasSuffix(where, " title") {
			return
		}
		assert.NotEqual(t, s.ID, s.EN, "%s: not translated", where)
		assert.Equal(t, strings.HasSuffix(s.ID, "."), strings.HasSuffix(s.EN, "."), "%s: %+v", where, s)
	})
}

var placeholder = regexp.MustCompile(`\{([^{}]*)\}`)

func placeholders(s string) []string {
	var names []string
	for _, m := range placeholder.FindAllStringSubmatch(s, -1) {
		names = append(names, m[1])
	}
	slices.Sort(names)
	return names
}

func TestPlaceholdersAreKnownAndTheSameInBothLanguages(t *testing.T) {
	known := load().general
	require.Len(t, known, 5)
	each(t, func(t *testing.T, where string, s text) {
		assert.Equal(t, placeholders(s.ID), placeholders(s.EN), "%s: %+v", where, s)
		for _, sentence := range []string{s.ID, s.EN} {
			for _, name := range placeholders(sentence) {
				assert.Contains(t, known, name, "%s: %q", where, sentence)
			}
			assert.NotRegexp(t, `[{}]`, placeholder.ReplaceAllString(sentence, ""), "%s: a brace is left over", where)
		}
	})
}

// Nobody can pay without the number, and a payer who compares the amount
// finds out in time that they are paying the wrong bill.
func TestStepsSayWhatHasToBeTyped(t *testing.T) {
	needs := func(method payments.Method) []string {
		switch channel, _, _ := strings.Cut(string(method), "/"); channel {
		case "bank_transfer":
			return []string{"{va_number}"}
		case "echannel":
			return []string{"{biller_code}", "{bill_key}"}
		case "cstore":
			return []string{"{payment_code}"}
		}
		return nil
	}
	for _, method := range Methods() {
		for _, way := range For(method, "en") {
			steps := strings.Join(way.Steps, "\n")
			for _, name := range append(needs(method), "{amount}") {
				assert.Contains(t, steps, name, "%s: %s", method, way.Title)
			}
		}
	}
}

var unwanted = regexp.MustCompile(`(?i)\b(biaya|gratis|fee|fees|free|charge|charges|limit|maksimal|minimal|maximum|minimum|Rp\s?\d)\b|\?|!`)

func TestNothingIsSaidAboutFeesAndLimits(t *testing.T) {
	require.Regexp(t, unwanted, "Tanpa biaya admin.")
	each(t, func(t *testing.T, where string, s text) {
		assert.NotRegexp(t, unwanted, s.ID, where)
		assert.NotRegexp(t, unwanted, s.EN, where)
	})
}

func TestChannelsAreKnownAndTitlesDiffer(t *testing.T) {
	channels := []Channel{ATM, MobileBanking, InternetBanking, OtherBank, App, Scan, Counter, Web}
	for method, entries := range load().ways {
		assert.NotEmpty(t, entries, method)
		seen := map[string]bool{}
		for _, e := range entries {
			assert.Contains(t, channels, e.Channel, method)
			assert.GreaterOrEqual(t, len(e.Steps), 3, "%s %s", method, e.Channel)
			for _, title := range []string{"id " + e.Title.ID, "en " + e.Title.EN} {
				assert.False(t, seen[title], "%s has %q twice", method, title)
				seen[title] = true
			}
		}
	}
}

var methodLine = regexp.MustCompile(`(?m)^  "([^"]+)": \[`)

// A name that stands twice in one file would lose its first ways: JSON takes
// the last one without a word.
func TestNoMethodStandsTwice(t *testing.T) {
	list, err := files.ReadDir("ways")
	require.NoError(t, err)
	var found []payments.Method
	for _, file := range list {
		data, err := files.ReadFile("ways/" + file.Name())
		require.NoError(t, err)
		for _, m := range methodLine.FindAllStringSubmatch(string(data), -1) {
			found = append(found, payments.Method(m[1]))
		}
	}
	slices.Sort(found)
	assert.Equal(t, Methods(), found)
}

func TestReadingIsStrict(t *testing.T) {
	w := words{ways: map[payments.Method][]entry{"gopay": nil}}
	assert.ErrorContains(t, w.add("wallets.json"), "another file")
	var general map[string]struct {
		ID string `json:"id"`
	}
	assert.ErrorContains(t, decode(generalFile, &general), "unknown field")
	assert.Error(t, decode("none.json", &general))
}
