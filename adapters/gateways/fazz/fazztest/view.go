package fazztest

import (
	"time"

	"github.com/lunaspay/lunas/payments"
)

// pageView is what the payer's page shows.
type pageView struct {
	StylePath, Title string
	// Self is the path of the page.
	Self              string
	Reference, Amount string
	Heading, Notice   string
	// Tone and Icon are those of a result; without them the payer is to pay.
	Tone, Icon string
	Fields     []field
	// Picture is the path of a QR code.
	Picture         string
	Until, PayLabel string
	// Wallet: the payer can decline. Waiting: it can expire.
	Wallet, Waiting bool
	// BackURL leads back to the shop, if it said where.
	BackURL string
}

type field struct{ Name, Value string }

var unknownPage = pageView{
	Title: "Unknown page", Tone: "bad", Icon: "?",
	Heading: "This payment does not exist", Notice: "Check the link, or go back to the shop and start again.",
}

// view is the page as of now.
func (s *Server) view(p *Payment) pageView {
	v := pageView{
		Title: "Pay " + rupiah(p.Amount), Self: s.pagePath(p.ID), Reference: p.ReferenceID, Amount: rupiah(p.Amount),
		Wallet: p.Type == typeWallet, Waiting: p.is(pending), BackURL: p.ReturnURL,
	}
	if p.is(pending, processing) {
		v.showWaiting(s, p)
	} else {
		v.showResult(p)
	}
	return v
}

// showWaiting tells how to pay.
func (v *pageView) showWaiting(s *Server, p *Payment) {
	label := p.channel().label
	if p.is(pending) {
		v.Until = shown(p.ExpiresAt)
	} else {
		v.Notice = "Fazz has seen the payment, and is working on it."
	}
	switch p.Type {
	case typeVA:
		v.Heading, v.PayLabel = "Pay to a "+label, "Pay now (simulated bank)"
		v.Fields = []field{{"Virtual account number", p.AccountNo}, {"Account name", p.DisplayName}}
	case typeRetail:
		v.Heading, v.PayLabel = "Pay at "+label, "Pay now (simulated till)"
		v.Fields = []field{{"Payment code", p.PaymentCode}, {"Merchant", p.DisplayName}}
	case typeQRIS:
		v.Heading, v.PayLabel = "Scan with any QRIS app", "Pay now (simulated wallet)"
		v.Picture = s.path("/qr/" + p.ID + ".svg")
		v.Fields = []field{{"Merchant", p.DisplayName}}
	case typeWallet:
		v.Heading, v.PayLabel = "Confirm in "+label, "Pay now (simulated wallet)"
		if p.PhoneNumber != "" {
			v.Fields = []field{{"Phone number", p.PhoneNumber}}
		}
	}
	v.Fields = append(v.Fields, field{"Amount", v.Amount})
}

// showResult tells how it ended.
func (v *pageView) showResult(p *Payment) {
	switch p.Status {
	case paid, completed:
		v.Tone, v.Icon, v.Heading, v.Notice = "good", "✓", "Payment successful", "The shop is being told."
		v.Fields = []field{{"Paid by", p.channel().label}, {"Amount", v.Amount}, {"Time", shown(p.PaidAt)}}
	case expired:
		v.Tone, v.Icon, v.Heading, v.Notice = "wait", "!", "Time is up", "This payment has expired. Nothing was paid."
	case cancelled:
		v.Tone, v.Icon, v.Heading, v.Notice = "wait", "×", "Payment cancelled", "The shop has cancelled this payment. Nothing was paid."
	case failed:
		v.Tone, v.Icon, v.Heading, v.Notice = "bad", "×", "Payment failed", "Nothing was paid. Go back to the shop to try again."
		if p.Reason != "" {
			v.Fields = []field{{"Reason", p.Reason}}
		}
	}
	v.Title = v.Heading
}

// rupiah prints an amount as people write it: "Rp29.000".
func rupiah(n int64) string { return payments.IDR(n).String() }

// shown prints a time for people, in Jakarta.
func shown(t time.Time) string { return t.In(wib).Format("2 January 2006, 15.04 WIB") }
