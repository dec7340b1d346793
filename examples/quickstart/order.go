package main

import (
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"slices"

	"rsc.io/qr"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/payments/howto"
)

// offered are the ways to pay that the shop asks for by itself, of those that
// the gateway lists. Cards need Midtrans's script in the page, and OVO a phone
// number: for these there is Midtrans's own page.
var offered = []payments.Method{
	"bank_transfer/bca", "bank_transfer/bri", "bank_transfer/bni", "echannel", "bank_transfer/permata",
	"bank_transfer/mandiri", "qris", "gopay", "shopeepay", "cstore/indomaret", "cstore/alfamart", "akulaku",
}

// wayChoice is what an amount can be paid by in the shop's own page, beside
// that of the gateway which has one.
type wayChoice struct {
	Choosing string
	Ways     []payments.MethodInfo
}

func (s *shop) ways(r *http.Request, amount payments.Money) (wayChoice, error) {
	found, err := s.pay.Methods(r.Context(), amount)
	if errors.Is(err, payments.ErrUnsupported) {
		err = nil
	}
	return wayChoice{s.choosing(), slices.DeleteFunc(found, func(m payments.MethodInfo) bool { return !slices.Contains(offered, m.Method) })}, err
}

type orderPage struct {
	payments.View
	What      string
	How       *payments.Instructions
	QR        template.URL // a picture of How.QR
	Deeplink  template.URL // an app's own scheme, which the template would not let through
	Ways      []howto.Way
	Simulator string // where the money is made up; empty in the sandbox
}

// order shows how to pay one order, and looks again by itself until it is
// paid.
func (s *shop) order(w http.ResponseWriter, r *http.Request) {
	user, err := identify(r)
	var p *payments.Payment
	if err == nil {
		p, err = s.pay.GetFor(r.Context(), user, payments.ID(r.PathValue("id")))
	}
	if err != nil {
		http.Error(w, "There is no such order of yours.", http.StatusNotFound)
		return
	}
	page := orderPage{View: p.View(), What: what(p.Order), Simulator: s.simulatorOf(p)}
	page.How = page.Instructions
	if page.How != nil {
		if page.QR, err = drawn(page.How.QR); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		page.Deeplink = template.URL(page.How.Deeplink) //nolint:gosec // the gateway's word, read over TLS with our key
		for _, way := range howto.For(page.How.Method, "en") {
			page.Ways = append(page.Ways, way.Fill(*page.How))
		}
	}
	s.render(w, "order.html", page)
}

// simulatorOf is the page of the simulator that has the order.
func (s *shop) simulatorOf(p *payments.Payment) string {
	session, _ := p.Session()
	for _, provider := range s.providers {
		if provider.simulator != nil && provider.Name() == session.Gateway {
			return "/" + provider.Name() + "/"
		}
	}
	return ""
}

// drawn draws a QR code.
func drawn(text string) (template.URL, error) {
	if text == "" {
		return "", nil
	}
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return "", err
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(code.PNG())), nil //nolint:gosec // our own picture
}
