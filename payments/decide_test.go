package payments_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

func TestDecisionsAboutCards(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, word string
		act        func(*shop, payments.ID) (*payments.Payment, error)
		want       payments.Status
	}{
		{"approve", "challenge", func(s *shop, id payments.ID) (*payments.Payment, error) { return s.pay.Approve(s.t.Context(), id) }, payments.StatusSettled},
		{"deny", "challenge", func(s *shop, id payments.ID) (*payments.Payment, error) { return s.pay.Deny(s.t.Context(), id) }, payments.StatusDenied},
		{"capture", "authorize", func(s *shop, id payments.ID) (*payments.Payment, error) {
			return s.pay.Capture(s.t.Context(), id, payments.Money{})
		}, payments.StatusSettled},
		{"a part", "authorize", func(s *shop, id payments.ID) (*payments.Payment, error) {
			return s.pay.Capture(s.t.Context(), id, payments.IDR(50_000))
		}, payments.StatusSettled},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			p := s.begun(c.word)
			got, err := c.act(s, p.ID)
			require.NoError(t, err)
			require.Equal(t, c.want, got.Status)
			if c.name == "a part" {
				require.Equal(t, payments.IDR(50_000), got.Totals.In)
				require.Equal(t, 1, s.told(p, payments.EventSettled))
			}
			_, err = c.act(s, p.ID)
			require.ErrorIs(t, err, payments.ErrWrongState, "once only")

			// The gateway's no, an answer that is lost, a gateway that says yes
			// and does nothing, one that was faster.
			refusal := &payments.GatewayError{Gateway: "fake", Op: c.name, Code: "412"}
			for wrong, answer := range map[error]error{
				refusal: refusal, payments.ErrOutcomeUnknown: payments.ErrOutcomeUnknown, payments.ErrWrongState: nil,
			} {
				s := newShop(t)
				p := s.begun(c.word)
				s.fake.decide = func(string, payments.AttemptRef, payments.Money) error { return answer }
				got, err := c.act(s, p.ID)
				require.ErrorIs(t, err, wrong)
				require.Equal(t, p.Status, got.Status)
			}
			s = newShop(t)
			p = s.begun(c.word)
			s.fake.decide = func(string, payments.AttemptRef, payments.Money) error {
				s.fake.set(string(p.ID), "tx1", "cancel", 85_000)
				return payments.ErrWrongState
			}
			got, err = c.act(s, p.ID)
			require.NoError(t, err)
			require.Equal(t, payments.StatusCanceled, got.Status)
		})
	}
}

func TestWhatIsNotHeldCannotBeDecided(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.begun("pending")
	for _, act := range []func() (*payments.Payment, error){
		func() (*payments.Payment, error) { return s.pay.Approve(t.Context(), p.ID) },
		func() (*payments.Payment, error) { return s.pay.Deny(t.Context(), p.ID) },
		func() (*payments.Payment, error) { return s.pay.Capture(t.Context(), p.ID, payments.Money{}) },
	} {
		_, err := act()
		require.ErrorIs(t, err, payments.ErrWrongState)
	}
	require.Zero(t, s.fake.count("approve")+s.fake.count("deny")+s.fake.count("capture"))

	p = newShop(t).begun("authorize")
	for _, amount := range []payments.Money{payments.IDR(85_001), payments.IDR(-1), {Amount: 1, Currency: "USD"}} {
		s := newShop(t)
		p = s.begun("authorize")
		_, err := s.pay.Capture(t.Context(), p.ID, amount)
		invalid := (*payments.InvalidError)(nil)
		require.True(t, errors.As(err, &invalid))
		require.Zero(t, s.fake.count("capture"))
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	names := func(amount payments.Money) (names []payments.Method) {
		found, err := s.pay.Methods(t.Context(), amount)
		require.NoError(t, err)
		for _, m := range found {
			names = append(names, m.Method)
		}
		return names
	}
	require.Equal(t, []payments.Method{"bank_transfer/bca", "cstore/alfamart"}, names(payments.IDR(10_000)))
	require.Equal(t, []payments.Method{"bank_transfer/bca"}, names(payments.IDR(50_001)))
	require.Equal(t, []payments.Method{"cstore/alfamart"}, names(payments.IDR(9_999)))
	require.Empty(t, names(payments.Money{Amount: 20_000, Currency: "USD"}))

	w := s.do("GET", "/methods?amount=60000", "", "")
	require.Equal(t, 200, w.Code)
	require.JSONEq(t, `{"items":[{"method":"bank_transfer/bca","name":"BCA","kind":"virtual_account",
		"min":{"amount":10000,"currency":"IDR"},"expiry_seconds":0,"can":{"cancel":false,"void":false,"expire":false,
		"refund":true,"partial_refund":false,"capture":false,"review":false}}]}`, w.Body.String())
	for _, query := range []string{"", "?amount=x", "?amount=0", "?amount=1.5"} {
		problem(t, s.do("GET", "/methods"+query, "", ""), 400, "invalid")
	}

	p := s.begun("pending")
	require.Equal(t, payments.Capabilities{Refund: true}, s.pay.Capabilities(p.Attempts[0]))
	require.Zero(t, s.pay.Capabilities(payments.Attempt{Gateway: "fake"}))
	require.Zero(t, s.pay.Capabilities(payments.Attempt{Gateway: "gone"}))
}

// What a gateway answers at once: how to pay, that it is paid, that it is
// denied.
func TestACheckoutThatIsACharge(t *testing.T) {
	t.Parallel()
	instructions := &payments.Instructions{
		Kind: payments.KindVirtualAccount, Method: "bank_transfer/bca", Bank: "bca", VANumber: "8127", Amount: payments.IDR(85_000),
	}
	var asked payments.CheckoutRequest
	charging := func(s *shop, word string) {
		s.fake.checkout = func(r payments.CheckoutRequest) (payments.CheckoutResult, error) {
			asked = r
			o := payments.Observation{Ref: r.Ref, TransactionID: "tx-" + r.Ref, RawStatus: word, Amount: payments.IDR(85_000), Facts: words(word)}
			if word == "pending" {
				o.Instructions = instructions
			}
			s.fake.set(r.Ref, "tx-"+r.Ref, word, 85_000)
			return payments.CheckoutResult{Observation: o}, nil
		}
	}
	const body = `{"items":[{"id":"mug","quantity":1}],"method":"bank_transfer/bca","payment_token":"4811-secret"}`
	for word, want := range map[string]payments.Status{
		"pending": payments.StatusPending, "capture": payments.StatusSettled, "deny": payments.StatusDenied,
	} {
		s := newShop(t)
		charging(s, word)
		w := s.do("POST", "/checkout", "ana", body, "Idempotency-Key", "k1")
		require.Equal(t, 201, w.Code, w.Body)
		require.Equal(t, "4811-secret", asked.PaymentToken)
		p := s.only()
		require.Equal(t, want, p.Status)
		require.NotContains(t, dump(t, p), "4811-secret", "kept nowhere")
		if word == "pending" {
			require.Contains(t, w.Body.String(), `"instructions":{"kind":"virtual_account","method":"bank_transfer/bca","bank":"bca","va_number":"8127","amount":{"amount":85000,"currency":"IDR"}}`)
			require.Equal(t, instructions, p.View().Instructions)
			p.Clone().Sessions[0].Instructions.VANumber = "changed"
			require.Equal(t, "8127", p.Sessions[0].Instructions.VANumber)
		} else {
			require.NotContains(t, w.Body.String(), "instructions")
			require.Nil(t, p.View().Instructions)
		}

		// The same request with a new token goes on with the same payment.
		again := s.do("POST", "/checkout", "ana", `{"items":[{"id":"mug","quantity":1}],"method":"bank_transfer/bca","payment_token":"other"}`, "Idempotency-Key", "k1")
		p = s.only()
		switch word {
		case "capture":
			require.Equal(t, 201, again.Code)
			require.Contains(t, again.Body.String(), `"status":"settled"`)
			require.Equal(t, "4811-secret", asked.PaymentToken, "it is paid: nobody is asked again")
		case "deny":
			require.Equal(t, 201, again.Code)
			require.Equal(t, "other", asked.PaymentToken)
			require.Len(t, p.Attempts, 2)
		default:
			require.Equal(t, 201, again.Code)
			require.Len(t, p.Attempts, 1)
		}
	}
}

// The answer to a charge is lost, and the look-up does not tell the address
// again: the next attempt ends that transaction and makes another.
func TestACheckoutWhoseAddressIsLost(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	open := func(r payments.CheckoutRequest, url string) payments.Observation {
		s.fake.set(r.Ref, "tx-"+r.Ref, "pending", 29_000)
		o := s.fake.states[r.Ref]
		o.Instructions = &payments.Instructions{Kind: payments.KindRedirect, Method: "akulaku", RedirectURL: url}
		s.fake.put(o)
		return o
	}
	lost := true
	s.fake.checkout = func(r payments.CheckoutRequest) (payments.CheckoutResult, error) {
		if lost {
			lost = false
			open(r, "")
			return payments.CheckoutResult{}, errTimeout
		}
		if _, used := s.fake.states[r.Ref]; used {
			return payments.CheckoutResult{}, payments.ErrWrongState
		}
		o := open(r, "https://gateway.test/akulaku")
		return payments.CheckoutResult{RedirectURL: o.Instructions.RedirectURL, Observation: o}, nil
	}
	out, err := s.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro", Method: "akulaku"})
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	p := out.Payment
	s.clock.Advance(time.Minute)
	s.drain() // the timer has it healed, and finds out that it leads nowhere
	s.status(p, payments.StatusPending)

	out, err = s.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{})
	require.NoError(t, err)
	require.Equal(t, "https://gateway.test/akulaku", out.URL)
	require.Equal(t, string(p.ID)+"-2", out.Session.Ref)
	require.Len(t, s.fake.canceled, 1)
	require.Equal(t, "tx-"+string(p.ID), s.fake.canceled[0].TransactionID)
	again, err := s.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{})
	require.NoError(t, err)
	require.Equal(t, out.Session.Ref, again.Session.Ref)
}

func dump(t *testing.T, p *payments.Payment) string {
	t.Helper()
	raw, err := json.Marshal(p)
	require.NoError(t, err)
	return string(raw)
}
