package gatewaykit

import (
	"cmp"
	"net/url"

	"github.com/lunaspay/lunas/payments"
)

// Title is what is bought, in a few words: the plan, or the first line. It may
// be empty.
func Title(o payments.Order) string {
	switch {
	case o.Plan != nil:
		return o.Plan.Name()
	case len(o.Lines) > 0:
		return cmp.Or(o.Lines[0].Name, o.Lines[0].ID)
	}
	return ""
}

// IsWebURL reports whether s is an address that a browser may be sent to:
// http or https, with a host.
func IsWebURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}
