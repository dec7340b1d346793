package main

import (
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"
)

// The merchant account of the benchmark. The key is no secret: nobody else
// has it.
const (
	serverKey = "SB-Mid-server-benchmark"
	merchant  = "G000000000"
	// price of every order, in rupiah, and as Midtrans writes it.
	price     = 85_000
	priceText = "85000.00"
	// wrongText is what is paid in place of it.
	wrongText = "8500.00"
)

// signed is a notification of Midtrans for a virtual account, and its answer
// about the same transaction: both have the same members.
type signed struct {
	TransactionTime   string    `json:"transaction_time"`
	TransactionStatus string    `json:"transaction_status"`
	TransactionID     string    `json:"transaction_id"`
	StatusMessage     string    `json:"status_message"`
	StatusCode        string    `json:"status_code"`
	SignatureKey      string    `json:"signature_key"`
	PaymentType       string    `json:"payment_type"`
	OrderID           string    `json:"order_id"`
	MerchantID        string    `json:"merchant_id"`
	GrossAmount       string    `json:"gross_amount"`
	FraudStatus       string    `json:"fraud_status"`
	Currency          string    `json:"currency"`
	VANumbers         []account `json:"va_numbers"`
	PaymentAmounts    []string  `json:"payment_amounts"`
	SettlementTime    string    `json:"settlement_time,omitempty"`
}

type account struct {
	VANumber string `json:"va_number"`
	Bank     string `json:"bank"`
}

// settledNotice tells that the order was paid at that time. It is not signed.
func settledNotice(ref string, at time.Time) signed {
	at = at.In(time.FixedZone("WIB", 7*60*60))
	told := at.Format(time.DateTime)
	return signed{
		TransactionTime:   at.Add(-time.Minute).Format(time.DateTime),
		TransactionStatus: "settlement",
		TransactionID:     transactionID(ref),
		StatusMessage:     "midtrans payment notification",
		StatusCode:        "200",
		PaymentType:       "bank_transfer",
		OrderID:           ref,
		MerchantID:        merchant,
		GrossAmount:       priceText,
		FraudStatus:       "accept",
		Currency:          "IDR",
		VANumbers:         []account{{VANumber: "333333333333333", Bank: "bca"}},
		PaymentAmounts:    []string{},
		SettlementTime:    told,
	}
}

func (s signed) encode() []byte {
	body, _ := json.Marshal(s) // texts only: cannot fail
	return body
}

// settlement is the signed body that tells that the order was paid then.
func settlement(ref string, at time.Time) []byte { return message{ref, tellsSettled}.body(at) }

// signature signs as Midtrans does: four texts, one behind the other.
func signature(orderID, statusCode, grossAmount, key string) string {
	sum := sha512.Sum512([]byte(orderID + statusCode + grossAmount + key))
	return hex.EncodeToString(sum[:])
}

// A transaction's id tells its order, so that the stand-in for Midtrans's
// status service needs no memory.
const transactionPrefix = "tx-"

func transactionID(ref string) string { return transactionPrefix + ref }

func refOf(transactionID string) (string, bool) {
	return strings.CutPrefix(transactionID, transactionPrefix)
}
