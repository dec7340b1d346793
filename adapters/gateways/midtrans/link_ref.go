package midtrans

import (
	"slices"
	"strings"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
)

// LinkOf takes the order id of a link's payment apart: it is the link's own,
// a dash, and the time at which the payer began, as 13 digits (milliseconds)
// or 10 (seconds). ok is false if orderID is not of that form. That it is of
// the form proves no link: an order id may end in digits of its own, so look
// the whole of it up first, and custom_field1 where there is one.
func LinkOf(orderID string) (link string, ok bool) {
	at := strings.LastIndexByte(orderID, '-')
	if at < 1 {
		return "", false
	}
	digits := orderID[at+1:]
	if !gatewaykit.IsDigits(digits) || len(digits) != 13 && len(digits) != 10 {
		return "", false
	}
	return orderID[:at], true
}

// linksOf are the links that a notification may be of. Only the order id is
// signed: custom_field1 helps to find where a link's own ends in it.
func linksOf(o object) []string {
	id := o.Text("order_id")
	if !gatewaykit.IsDigits(id[strings.LastIndexByte(id, '-')+1:]) { // as of most orders, which need no further look
		return nil
	}
	var links []string
	if named := o.Text("custom_field1"); named != "" && strings.HasPrefix(id, named+"-") {
		links = append(links, named)
	}
	if cut, ok := LinkOf(id); ok && !slices.Contains(links, cut) {
		links = append(links, cut)
	}
	return links
}
