package fazztest

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// The statuses of a payment, in Fazz's words.
const (
	pending    = "pending"
	processing = "processing"
	paid       = "paid"
	completed  = "completed"
	cancelled  = "cancelled"
	expired    = "expired"
	failed     = "failed"
)

var statuses = []string{pending, processing, paid, completed, cancelled, expired, failed}

// Payment is one payment at Fazz.
type Payment struct {
	// ID is Fazz's name for it, ReferenceID the merchant's.
	ID          string `json:"id"`
	ReferenceID string `json:"reference_id"`
	Status      string `json:"status"`
	// Type is its paymentMethodType, and Channel the bank, outlet or wallet
	// within it; empty for QRIS.
	Type    string `json:"type"`
	Channel string `json:"channel,omitempty"`
	// Amount and Fees are in rupiah.
	Amount      int64     `json:"amount"`
	Fees        int64     `json:"fees"`
	Description string    `json:"description,omitempty"`
	DisplayName string    `json:"display_name"`
	CreatedAt   time.Time `json:"created_at"`
	ExpiresAt   time.Time `json:"expires_at"`
	// PaidAt is zero until the money has come.
	PaidAt time.Time `json:"paid_at,omitzero"`
	// MethodID names what the payer pays to.
	MethodID string `json:"method_id"`
	// AccountNo is of a virtual account, PaymentCode of a retail outlet.
	AccountNo   string `json:"account_no,omitempty"`
	PaymentCode string `json:"payment_code,omitempty"`
	// PhoneNumber and ReturnURL are of an e-wallet: whom it asks, and where
	// the payer goes afterwards.
	PhoneNumber string `json:"phone_number,omitempty"`
	ReturnURL   string `json:"return_url,omitempty"`
	// Reason says why it failed.
	Reason string `json:"reason,omitempty"`

	seq int // its place in the order of creation
}

func (p *Payment) is(statuses ...string) bool { return slices.Contains(statuses, p.Status) }

func (p *Payment) channel() *channel { return channelOf(p.Type, p.Channel) }

// document is what look-ups and callbacks carry.
type document struct {
	Data resource `json:"data"`
}

type resource struct {
	ID         string     `json:"id"`
	Type       string     `json:"type"`
	Attributes attributes `json:"attributes"`
}

type attributes struct {
	Status      string  `json:"status"`
	Amount      string  `json:"amount"`
	Currency    string  `json:"currency"`
	CreatedAt   string  `json:"createdAt"`
	Description *string `json:"description"` // null, not ""
	ExpiredAt   string  `json:"expiredAt"`
	ReferenceID string  `json:"referenceId"`
	Fees        string  `json:"fees"`
	// FailureReason is a name of ours: Fazz says that a failed payment comes
	// with a message, and not in which field.
	FailureReason string        `json:"failureReason,omitempty"`
	PaymentMethod paymentMethod `json:"paymentMethod"`
}

type paymentMethod struct {
	ID           string       `json:"id"`
	Type         string       `json:"type"`
	ReferenceID  string       `json:"referenceId"`
	Instructions instructions `json:"instructions"` // of an e-wallet: {}
	Settlement   *settlement  `json:"settlement,omitempty"`
}

type instructions struct {
	BankShortCode    string `json:"bankShortCode,omitempty"`
	AccountNo        string `json:"accountNo,omitempty"`
	RetailOutletName string `json:"retailOutletName,omitempty"`
	PaymentCode      string `json:"paymentCode,omitempty"`
	ImageURL         string `json:"imageUrl,omitempty"`
	DisplayName      string `json:"displayName,omitempty"`
}

type settlement struct {
	HTTPURL            string `json:"httpUrl"`
	AfterSettlementURL string `json:"afterSettlementUrl"`
}

// wib is the time of Jakarta, which createdAt is given in. expiredAt is given
// in UTC.
var wib = time.FixedZone("WIB", 7*60*60)

func money(n int64) string { return fmt.Sprintf("%d.0", n) }

// resource is the payment as the API shows it.
func (s *Server) resource(p *Payment) resource {
	r := resource{ID: p.ID, Type: "payment", Attributes: attributes{
		Status: p.Status, Amount: money(p.Amount), Currency: "IDR",
		CreatedAt:   p.CreatedAt.In(wib).Format(time.RFC3339),
		ExpiredAt:   p.ExpiresAt.UTC().Format(time.RFC3339),
		ReferenceID: p.ReferenceID, Fees: money(p.Fees), FailureReason: p.Reason,
		PaymentMethod: paymentMethod{ID: p.MethodID, Type: p.Type, ReferenceID: p.ReferenceID},
	}}
	if p.Description != "" {
		r.Attributes.Description = &p.Description
	}
	method := &r.Attributes.PaymentMethod
	switch p.Type {
	case typeVA:
		method.Instructions = instructions{BankShortCode: p.Channel, AccountNo: p.AccountNo, DisplayName: p.DisplayName}
	case typeRetail:
		method.Instructions = instructions{RetailOutletName: p.Channel, PaymentCode: p.PaymentCode, DisplayName: p.DisplayName}
	case typeQRIS:
		method.Instructions = instructions{ImageURL: s.URL + "/qr/" + p.ID + ".svg", DisplayName: p.DisplayName}
	case typeWallet:
		method.Settlement = &settlement{HTTPURL: s.URL + "/pay/" + p.ID, AfterSettlementURL: p.ReturnURL}
	}
	return r
}

// encode is for bodies of our own making, which are always JSON.
func encode(body any) []byte {
	data, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("fazztest: encode: %v", err))
	}
	return data
}
