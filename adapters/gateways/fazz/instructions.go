package fazz

import (
	"strings"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

// howToPay is nil if nothing is to be paid. Members that Fazz leaves out stay
// empty.
func (r reading) howToPay() *payments.Instructions {
	if !r.is(wordPending, wordProcessing) {
		return nil
	}
	i := &payments.Instructions{Kind: kindOf(r.typ), Method: r.Method, Amount: r.Amount, ExpiresAt: r.ExpiresAt}
	_, detail, _ := strings.Cut(string(r.Method), "/")
	switch i.Kind {
	case payments.KindVirtualAccount:
		i.Bank, i.VANumber = detail, r.instructions.Text("accountNo")
	case payments.KindCounter:
		i.Store, i.Code = detail, r.instructions.Text("paymentCode")
	case payments.KindQR: // Fazz sends a picture, and not the text in it
		i.QRImageURL = webURL(r.instructions.Text("imageUrl"))
	case payments.KindRedirect:
		i.RedirectURL = webURL(r.settlement.Text("httpUrl"))
	}
	return i
}

// webURL is s if a browser may be sent there.
func webURL(s string) string {
	if gatewaykit.IsWebURL(s) {
		return s
	}
	return ""
}

// as fills in what Fazz may leave out and the caller knows: the way to pay.
func (r *reading) as(method payments.Method) {
	c, known := channelBy(method)
	if known && r.Method == "" && (r.typ == "" || r.typ == c.typ) {
		r.Method, r.typ = c.method, c.typ
	}
}
