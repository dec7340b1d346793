package howto

import (
	"slices"
	"strings"

	"github.com/lunaspay/lunas/payments"
)

// Channel is the kind of place where a payer pays.
type Channel string

// The channels.
const (
	ATM             Channel = "atm"
	MobileBanking   Channel = "mobile_banking"   // the bank's app
	InternetBanking Channel = "internet_banking" // the bank's site
	OtherBank       Channel = "other_bank"       // a transfer from any other bank
	App             Channel = "app"              // a wallet's or lender's app
	Scan            Channel = "scan"             // any app that reads the QR code
	Counter         Channel = "counter"          // a store's cashier
	Web             Channel = "web"              // a page in the browser
)

// Way is one way to pay by a method. Its Title is for people ("ATM BCA"), its
// Channel for programs: to show a fitting icon, or the best way first.
type Way struct {
	Channel Channel `json:"channel"`
	Title   string  `json:"title"`
	// Steps are sentences in their order. As [For] returns them they hold
	// placeholders such as "{va_number}", which [Way.Fill] replaces.
	Steps []string `json:"steps"`

	language string
}

const (
	indonesian = "id"
	english    = "en"
)

// For returns the ways to pay by method, the usual one first: none if the
// method is not known. The language is a tag such as "id", "id-ID" or "en";
// "in" is an old name of Indonesian. Any other language gives English.
//
// The result is the caller's own.
func For(method payments.Method, language string) []Way {
	entries := load().ways[method]
	if len(entries) == 0 {
		return nil
	}
	language = languageOf(language)
	ways := make([]Way, len(entries))
	for i, e := range entries {
		steps := make([]string, len(e.Steps))
		for j, step := range e.Steps {
			steps[j] = step.in(language)
		}
		ways[i] = Way{Channel: e.Channel, Title: e.Title.in(language), Steps: steps, language: language}
	}
	return ways
}

// Methods returns the methods that [For] knows, in alphabetical order.
func Methods() []payments.Method {
	var methods []payments.Method
	for method := range load().ways {
		methods = append(methods, method)
	}
	slices.Sort(methods)
	return methods
}

// languageOf is the language of a tag: what comes before the region.
func languageOf(tag string) string {
	if i := strings.IndexAny(tag, "-_"); i >= 0 {
		tag = tag[:i]
	}
	switch strings.ToLower(strings.TrimSpace(tag)) {
	case indonesian, "in":
		return indonesian
	}
	return english
}
