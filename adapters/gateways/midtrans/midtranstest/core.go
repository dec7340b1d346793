package midtranstest

import (
	"cmp"
	"net/http"
	"regexp"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// status is GET /v2/{id}/status.
func (s *Server) status(r *http.Request, _ []byte) reply {
	var out reply
	err := s.change(func(time.Time) error {
		t := s.find(r.PathValue("id"))
		if t == nil {
			out = notFound()
			return nil
		}
		message := "Success, transaction is found"
		if t.Channel == "credit_card" {
			message = "Success, Credit Card transaction is successful"
		}
		body := s.body(t, lookUpCode(t), message)
		sign(body, s.serverKey)
		out = answer(http.StatusOK, body)
		return nil
	})
	if err != nil {
		return coreInternal()
	}
	return out
}

// lookUpCode is the status_code of look-ups.
func lookUpCode(t *Transaction) string {
	switch t.Status {
	case "expire":
		return "407"
	case "cancel":
		return "200"
	}
	return noticeCode(t)
}

const (
	// idempotencyLife is how long an answer is given again to its key.
	idempotencyLife = 5 * time.Minute
	// longestKey is the longest key that is not ignored.
	longestKey = 46
)

// action is a POST that acts on a transaction.
func (s *Server) action(act func(t *Transaction, body []byte, now time.Time) reply) func(*http.Request, []byte) reply {
	return func(r *http.Request, body []byte) reply {
		var out reply
		err := s.change(func(now time.Time) error {
			key := r.Header.Get("Idempotency-Key")
			t := s.find(r.PathValue("id"))
			if t != nil && charges[t.Channel].noKey {
				key = ""
			}
			out = s.once(key, now, func() reply {
				if t == nil {
					return notFound()
				}
				return act(t, body, now)
			})
			return nil
		})
		if err != nil {
			return coreInternal()
		}
		return out
	}
}

// once gives the answer that the key has had, of whatever call it was, or does
// what is asked and keeps its answer if it took effect.
func (s *Server) once(key string, now time.Time, do func() reply) reply {
	for k, kept := range s.state.Replies {
		if now.Sub(time.Unix(kept.At, 0)) >= cmp.Or(kept.Life, idempotencyLife) {
			delete(s.state.Replies, k)
		}
	}
	if kept, ok := s.state.Replies[key]; ok {
		return kept
	}
	out := do()
	if out.success && key != "" && len(key) <= longestKey {
		out.At = now.Unix()
		s.state.Replies[key] = out
	}
	return out
}

// done answers an action other than a refund.
func (s *Server) done(t *Transaction, code, message string) reply {
	body := s.base(t, code, message)
	for _, key := range []string{"masked_card", "bank", "approval_code"} {
		if value, ok := t.Keys[key]; ok {
			body[key] = value
		}
	}
	return success(body)
}

func (s *Server) approve(t *Transaction, _ []byte, now time.Time) reply {
	if !t.challenged() {
		return wrongState()
	}
	s.move(t, t.Status, "accept", now)
	return s.done(t, "200", "Success, transaction is approved")
}

func (s *Server) deny(t *Transaction, _ []byte, now time.Time) reply {
	if !t.challenged() {
		return wrongState()
	}
	s.move(t, "deny", "deny", now)
	return s.done(t, "200", "Success, transaction is denied")
}

func (s *Server) cancel(t *Transaction, _ []byte, now time.Time) reply {
	if !t.is("pending", "authorize", "capture") {
		return wrongState()
	}
	s.move(t, "cancel", t.Fraud, now)
	return s.done(t, "200", "Success, transaction is canceled")
}

func (s *Server) expire(t *Transaction, _ []byte, now time.Time) reply {
	if !t.is("pending") || channelNamed(t.Channel).noExpire {
		return wrongState()
	}
	s.move(t, "expire", t.Fraud, now)
	return s.done(t, "407", "Success, transaction is expired")
}

var refundKeyForm = regexp.MustCompile(`^[A-Za-z0-9_-]*$`)

// refundCall is POST /v2/{id}/refund, or its older twin that asks the bank
// at once.
func (s *Server) refundCall(direct bool) func(*Transaction, []byte, time.Time) reply {
	return func(t *Transaction, raw []byte, now time.Time) reply {
		var request struct {
			Key    string `json:"refund_key"`
			Amount *int64 `json:"amount"`
			Reason string `json:"reason"`
		}
		if len(raw) > 0 && decodeNumbers(raw, &request) != nil {
			return malformed(http.StatusRequestEntityTooLarge)
		}
		if !refundKeyForm.MatchString(request.Key) || utf8.RuneCountInString(request.Reason) > 255 {
			return invalid("refund_key or reason is invalid")
		}
		for _, r := range t.Refunds {
			if r.Key == request.Key {
				return coreError(http.StatusOK, "406", "Duplicate refund ID")
			}
		}
		c := channelNamed(t.Channel)
		if !c.refunds || !t.is("settlement", "partial_refund") {
			return wrongState()
		}
		left := t.Amount() - t.Refunded()
		amount := left
		if request.Amount != nil && *request.Amount != 0 {
			amount = *request.Amount
		}
		if amount <= 0 || amount > left || c.whole && amount != left {
			return refundAmountRefused()
		}
		refund := Refund{Key: request.Key, Amount: amount, Reason: request.Reason, Method: "online"}
		message := "Success, refund request is approved"
		switch {
		case direct:
			refund.ConfirmedAt = now
			message = "Success, refund request is approved by the bank"
		case t.Channel == "credit_card":
			refund.Method = "offline"
			message = "Success, refund offline request is approved"
		}
		made := s.refund(t, refund, now)
		body := s.base(t, "200", message)
		body["settlement_time"] = wibTime(t.SettledAt)
		body["refund_chargeback_id"], body["refund_chargeback_uuid"] = made.ID, made.UUID
		body["refund_key"], body["refund_amount"] = made.Key, decimal(t.Refunded())
		return success(body)
	}
}

// malformed answers a body that is not the JSON that is wanted. Which HTTP
// status Midtrans gives it is not known.
func malformed(status int) reply {
	return coreError(status, "413", "The request cannot be processed due to malformed syntax in the request body")
}

// success is the answer to an action that took effect.
func success(body map[string]any) reply {
	out := answer(http.StatusOK, body)
	out.success = true
	return out
}

// invalid is the answer to a request that fails validation.
func invalid(problems ...string) reply {
	return answer(http.StatusBadRequest, map[string]any{
		"status_code": "400", "status_message": "One or more parameters in the payload is invalid.",
		"validation_messages": problems, "id": uuid.NewString(),
	})
}
