package fazztest

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math"
	"net/http"
	"time"
)

// create is a new payment, or the one that was made with the same referenceId.
// A repeat is answered before it is checked: what was right when it was first
// sent, such as expiredAt, may not be any more.
func (s *Server) create(_ *http.Request, body []byte) reply {
	w, wrong := parseRequest(body)
	if wrong != nil {
		return refuse(*wrong)
	}
	return s.answer(func(now time.Time) reply {
		if p := s.state.byRef[w.ReferenceID]; p != nil {
			if s.strict && !w.same(p) {
				a := refuse(problem{invalid, "referenceId was used for a payment of another amount or method"})
				a.status = http.StatusConflict
				return a
			}
			return reply{status: http.StatusCreated, body: document{s.resource(p)}}
		}
		now = now.UTC().Truncate(time.Second) // as the API shows it
		if problems := w.check(now); len(problems) > 0 {
			return refuse(problems...)
		}
		p, wrong := s.begin(w, now)
		if wrong != nil {
			return refuse(*wrong)
		}
		return reply{status: http.StatusCreated, body: document{s.resource(p)}}
	})
}

// same reports whether a request asks for the payment as it is.
func (w wanted) same(p *Payment) bool {
	amount, _ := w.amount()
	return amount == p.Amount && w.channel() == p.channel()
}

// begin makes the payment of a request that was checked.
func (s *Server) begin(w wanted, now time.Time) (*Payment, *problem) {
	amount, _ := w.amount()
	expiry, err := w.expiry(now)
	if err != nil {
		return nil, &problem{invalid, "expiredAt: " + err.Error()}
	}
	c := w.channel()
	p := &Payment{
		ID: "contract_" + random(), ReferenceID: w.ReferenceID, Status: pending,
		Type: c.method, Channel: c.name, Amount: amount, Fees: c.fee(amount),
		Description: w.Description, DisplayName: w.Options.DisplayName,
		CreatedAt: now, ExpiresAt: expiry, MethodID: random(),
	}
	if p.DisplayName == "" {
		p.DisplayName = "Simulated Shop" // the merchant's name, elsewhere
	}
	switch c.method {
	case typeVA:
		if p.AccountNo = s.accountNo(c.prefix, w.Options.SuffixNo); p.AccountNo == "" {
			return nil, &problem{invalid, "paymentMethodOptions.suffixNo: all numbers with this end are in use"}
		}
	case typeRetail:
		p.PaymentCode = fmt.Sprintf("8%06d", s.next()%1_000_000)
	case typeWallet:
		p.ReturnURL, p.PhoneNumber = w.Options.ReturnURL, w.Options.PhoneNumber
	}
	s.add(p)
	s.expect(p)
	return p, nil
}

// accountNo is a virtual account number that no open payment has: the bank's 4
// digits, then 12 that end in the suffix. It is empty if there is none.
func (s *Server) accountNo(prefix, suffix string) string {
	used := map[string]bool{}
	for _, p := range s.state.Payments {
		if p.is(pending, processing) {
			used[p.AccountNo] = true
		}
	}
	free := 12 - len(suffix)
	numbers := int64(math.Pow10(free))
	for range numbers {
		number := prefix + suffix
		if free > 0 {
			number = fmt.Sprintf("%s%0*d%s", prefix, free, s.next()%numbers, suffix)
		}
		if !used[number] {
			return number
		}
	}
	return ""
}

// random is 32 hexadecimal digits.
func random() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}
