package main

import (
	"math/rand/v2"
	"net/http"
	"time"
)

// message is one notification that is to be sent.
type message struct {
	Ref  string `json:"ref"` // the order's
	Kind kind   `json:"kind"`
}

// kind is what a notification tells.
type kind string

const (
	tellsSettled kind = "settled"
	tellsPending kind = "pending"
	tellsExpired kind = "expired"
	// wrongAmount tells that another amount was paid than was asked for, in
	// Midtrans's own hand: what is signed is the wrong amount.
	wrongAmount kind = "wrong amount"
	// forged tells that the order is paid, under a signature that is not
	// Midtrans's.
	forged kind = "forged"
)

// answered reports whether the status is a right answer to such a message. A
// forgery is to be refused; all else is to be taken, or Midtrans would send it
// again and again.
func (k kind) answered(status int) bool {
	if k == forged {
		return status >= 400 && status < 500
	}
	return status == http.StatusOK
}

// body is what Midtrans sends.
func (m message) body(at time.Time) []byte {
	told := settledNotice(m.Ref, at)
	switch m.Kind {
	case tellsPending:
		told.TransactionStatus, told.StatusCode, told.SettlementTime = "pending", "201", ""
	case tellsExpired:
		told.TransactionStatus, told.StatusCode, told.SettlementTime = "expire", "202", ""
	case wrongAmount:
		told.GrossAmount = wrongText
	}
	key := serverKey
	if m.Kind == forged {
		key = "not " + serverKey
	}
	told.SignatureKey = signature(told.OrderID, told.StatusCode, told.GrossAmount, key)
	return told.encode()
}

// settlements tell of each order that it is paid, once. Payers pay in no
// order; the same disorder for all contenders.
func settlements(refs []string) []message {
	messages := make([]message, len(refs))
	for i, ref := range refs {
		messages[i] = message{ref, tellsSettled}
	}
	disorder(messages)
	return messages
}

func disorder(messages []message) {
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(messages), func(i, j int) { messages[i], messages[j] = messages[j], messages[i] })
}

// standing is what an order must have come to.
type standing string

const (
	standsOpen   standing = "open"   // nothing was heard of it, or nothing that is true
	standsPaid   standing = "paid"   // the money is there
	standsReview standing = "review" // other money is there than was asked for
)

// standings sorts orders by what they must have come to when these messages
// were sent.
func standings(refs []string, sent []message) map[standing][]string {
	heard := map[string]standing{}
	for _, m := range sent {
		switch m.Kind {
		case tellsSettled:
			heard[m.Ref] = standsPaid
		case wrongAmount:
			heard[m.Ref] = standsReview
		}
	}
	all := map[standing][]string{}
	for _, ref := range refs {
		s, ok := heard[ref]
		if !ok {
			s = standsOpen
		}
		all[s] = append(all[s], ref)
	}
	return all
}
