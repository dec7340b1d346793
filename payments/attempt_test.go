package payments_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

var errTimeout = fmt.Errorf("fake: checkout: %w: timeout", payments.ErrOutcomeUnknown)

func refusal(code string) error {
	return &payments.GatewayError{Gateway: "fake", Op: "checkout", Code: code, Message: "no"}
}

func alreadyUsed() error {
	return &payments.GatewayError{Gateway: "fake", Op: "checkout", Code: "406", Err: payments.ErrWrongState}
}

// answers makes the fake answer checkouts one after the other; nil is a yes,
// and after the last error there are only these. It returns the requests.
func (g *fakeGateway) answers(errs ...error) *[]payments.CheckoutRequest {
	var asked []payments.CheckoutRequest
	g.checkout = func(r payments.CheckoutRequest) (payments.CheckoutResult, error) {
		asked = append(asked, r)
		if n := len(asked); n <= len(errs) && errs[n-1] != nil {
			return payments.CheckoutResult{}, errs[n-1]
		}
		return payments.CheckoutResult{RedirectURL: "https://gateway.test/pay/" + r.Ref, Token: "tok"}, nil
	}
	return &asked
}

func TestAPaymentIsStoredBeforeTheGatewayIsCalled(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.fake.checkout = func(r payments.CheckoutRequest) (payments.CheckoutResult, error) {
		p, err := s.store.Get(t.Context(), payments.ByGatewayRef("fake", r.Ref))
		require.NoError(t, err)
		require.Equal(t, payments.StatusCreated, p.Status)
		require.Equal(t, r.Order.ID, p.ID)
		require.Len(t, p.Sessions, 1)
		require.Equal(t, 1, p.Sessions[0].Tries)
		require.True(t, p.Sessions[0].OpenedAt.IsZero())
		require.Equal(t, p.ExpiresAt, r.ExpiresAt)
		return payments.CheckoutResult{RedirectURL: "https://gateway.test/x", Token: "t"}, nil
	}
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.status(p, payments.StatusPending)
	require.Equal(t, []payments.EventKind{payments.EventPending}, s.kinds(p))
}

func TestALostAnswerIsNoFailureAndTheNextTryHealsIt(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	asked := s.fake.answers(errTimeout)
	w := s.do("POST", "/checkout", "ana", `{"plan_id":"pro"}`, "Idempotency-Key", "k")
	p := problem(t, w, 503, "outcome-unknown")
	require.NotEmpty(t, p.PaymentID)
	require.Equal(t, "30", w.Header().Get("Retry-After"))
	stored := s.get(p.PaymentID)
	require.Equal(t, payments.StatusCreated, stored.Status)
	require.Empty(t, s.kinds(stored), "it is not denied")

	w = s.do("POST", "/checkout", "ana", `{"plan_id":"pro"}`, "Idempotency-Key", "k")
	require.Equal(t, p.PaymentID, problem(t, w, 409, "in-progress").PaymentID)
	require.NotEmpty(t, w.Header().Get("Retry-After"))
	require.Len(t, *asked, 1, "the first call may still be running")

	s.clock.Advance(time.Minute)
	w = s.do("POST", "/checkout", "ana", `{"plan_id":"pro"}`, "Idempotency-Key", "k")
	require.Equal(t, 201, w.Code, w.Body.String())
	require.Len(t, *asked, 2)
	require.Equal(t, (*asked)[0].Ref, (*asked)[1].Ref, "the same order at the gateway")
	s.status(stored, payments.StatusPending)
}

func TestALostAnswerIsHealedByTheTimer(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	asked := s.fake.answers(errTimeout, errTimeout)
	out, err := s.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro"})
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	p := out.Payment
	s.drain()
	require.Len(t, *asked, 1)
	s.clock.Advance(time.Minute)
	require.ErrorIs(t, s.pay.Drain(t.Context()), payments.ErrOutcomeUnknown)
	require.Len(t, *asked, 2)
	s.status(p, payments.StatusCreated)
	s.clock.Advance(10 * time.Minute)
	s.drain()
	require.Len(t, *asked, 3)
	require.Equal(t, (*asked)[0].Ref, (*asked)[2].Ref)
	p = s.status(p, payments.StatusPending)
	session, ok := p.Session()
	require.True(t, ok)
	require.Equal(t, 3, session.Tries)
	s.settle(p, "tx1")
}

// The answer that the timer gets may be a no.
func TestALostAnswerTurnsOutToBeANo(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	asked := s.fake.answers(errTimeout, refusal("400"))
	out, err := s.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro"})
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	s.clock.Advance(time.Minute)
	s.drain() // it is recorded: no fault of the timer
	s.status(out.Payment, payments.StatusDenied)
	s.clock.Advance(time.Hour)
	s.drain()
	require.Len(t, *asked, 2)
}

// A gateway that never answers leaves the payment created until its time is
// up; it is asked ever more seldom, and never is there a denial.
func TestAGatewayThatNeverAnswersDeniesNothing(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.fake.checkout = func(payments.CheckoutRequest) (payments.CheckoutResult, error) {
		return payments.CheckoutResult{}, errTimeout
	}
	out, err := s.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro"})
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	for range 26 * 12 {
		s.clock.Advance(5 * time.Minute)
		if err := s.pay.Drain(t.Context()); err != nil {
			require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
		}
	}
	require.Equal(t, []payments.EventKind{payments.EventExpired}, s.kinds(out.Payment))
	require.Less(t, s.fake.count("checkout"), 50)
	require.Greater(t, s.fake.count("checkout"), 10)
}

func TestAfterAFinalRefusalTheNextTryWorks(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	asked := s.fake.answers(refusal("400"))
	out, err := s.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro", Method: "bad", Extra: 1})
	var answer *payments.GatewayError
	require.ErrorAs(t, err, &answer)
	require.Equal(t, "https://shop.test/pay/return/"+string(out.Payment.ID), out.URL)
	p := s.status(out.Payment, payments.StatusDenied)
	require.Equal(t, []payments.EventKind{payments.EventDenied}, s.kinds(p))

	s.clock.Advance(48 * time.Minute)
	s.drain()
	require.Len(t, *asked, 1, "what was refused for good is not tried again by itself")

	out, err = s.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{Method: "good", Extra: 2})
	require.NoError(t, err)
	require.Equal(t, "https://gateway.test/pay/"+(*asked)[1].Ref, out.URL)
	require.EqualValues(t, "good", (*asked)[1].Method, "what was refused is not asked again")
	require.JSONEq(t, "2", string((*asked)[1].Extra))
	s.status(p, payments.StatusPending)
	require.Equal(t, []payments.EventKind{payments.EventDenied, payments.EventPending}, s.kinds(p))

	// Over HTTP a refusal is the provider's, and says nothing of its words.
	s.fake.answers(refusal("400"))
	w := s.do("POST", "/checkout", "ana", `{"plan_id":"pro"}`)
	require.NotEmpty(t, problem(t, w, 502, "gateway").PaymentID)
	require.NotContains(t, strings.ReplaceAll(w.Body.String(), string(problem(t, w, 502, "gateway").PaymentID), ""), "400")
	// Busy is not a refusal.
	s.fake.answers(&payments.GatewayError{Gateway: "fake", Op: "checkout", Code: "429", Retry: true, RetryAfter: time.Minute})
	w = s.do("POST", "/checkout", "ana", `{"plan_id":"pro"}`)
	busy := problem(t, w, 503, "gateway")
	require.Equal(t, "60", w.Header().Get("Retry-After"))
	s.status(s.get(busy.PaymentID), payments.StatusCreated)
}

// The answer was lost, and meanwhile the payer has paid: the gateway refuses
// the reference, and its look-up tells why.
func TestAReferenceInUseIsAdopted(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	asked := s.fake.answers(errTimeout, alreadyUsed())
	out, err := s.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro"})
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	p := out.Payment
	s.fake.set(string(p.ID), "tx1", "settlement", 29_000)
	s.clock.Advance(time.Minute)
	out, err = s.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{})
	require.NoError(t, err)
	require.Equal(t, payments.StatusSettled, out.Payment.Status)
	require.Equal(t, 1, s.told(p, payments.EventSettled))
	s.clock.Advance(24 * time.Hour)
	s.drain()
	require.Len(t, *asked, 2)
}

func TestAReferenceWithAnOpenTransactionIsAskedForNoMore(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	asked := s.fake.answers(errTimeout, alreadyUsed(), alreadyUsed(), alreadyUsed())
	out, err := s.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro"})
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	p := out.Payment
	s.fake.set(string(p.ID), "tx1", "pending", 29_000)
	for range 60 {
		s.clock.Advance(time.Minute)
		s.drain()
	}
	require.Len(t, *asked, 2, "it is there, and there is nothing to heal")
	s.status(p, payments.StatusPending)
	out, err = s.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{})
	require.NoError(t, err)
	require.NotEmpty(t, out.URL, "never empty, even if the gateway's page is not known")
	s.settle(s.get(p.ID), "tx1")
}

func TestAReferenceWhoseTransactionIsDeadIsReplaced(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	asked := s.fake.answers(errTimeout, alreadyUsed())
	out, err := s.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro"})
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	p := out.Payment
	s.fake.set(string(p.ID), "tx1", "deny", 29_000)
	s.clock.Advance(time.Minute)
	s.drain()
	s.status(p, payments.StatusDenied)
	out, err = s.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{})
	require.NoError(t, err)
	require.Len(t, *asked, 3)
	require.NotEqual(t, (*asked)[1].Ref, (*asked)[2].Ref)
	require.Equal(t, "https://gateway.test/pay/"+(*asked)[2].Ref, out.URL)
}

// A gateway without a page of its own makes the transaction at once; when it
// is dead, the next try needs another one.
func TestASessionThatIsOneTransactionDiesWithIt(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	n := 0
	s.fake.checkout = func(r payments.CheckoutRequest) (payments.CheckoutResult, error) {
		n++
		tx := fmt.Sprint("va", n)
		s.fake.set(r.Ref, tx, "pending", 29_000)
		return payments.CheckoutResult{Observation: payments.Observation{
			TransactionID: tx, RawStatus: "pending", Facts: words("pending"), Amount: r.Order.Amount,
		}}, nil
	}
	out, err := s.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro"})
	require.NoError(t, err)
	p := out.Payment
	require.Equal(t, "https://shop.test/pay/return/"+string(p.ID), out.URL)
	s.status(p, payments.StatusPending)
	_, err = s.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{})
	require.NoError(t, err)
	require.Equal(t, 1, n, "while it is open, it is the one to pay")

	s.fake.set(string(p.ID), "va1", "deny", 29_000)
	code, _ := s.notify(note{Ref: string(p.ID), Tx: "va1", Word: "deny", Amount: 29_000})
	require.Equal(t, 200, code)
	out, err = s.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{})
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.Equal(t, string(p.ID)+"-2", out.Session.Ref)
	s.settle(s.get(p.ID), "va2")
	require.Equal(t, []payments.EventKind{
		payments.EventPending, payments.EventPending, payments.EventDenied, payments.EventPending,
		payments.EventSettled, payments.EventFundsAvailable, payments.EventClaimGranted,
	}, s.kinds(p))
}

// A Snap page outlives a denied card: the payer tries again on it.
func TestAPageOutlivesADeniedTransaction(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.fake.set(string(p.ID), "card", "deny", 29_000)
	s.notify(note{Ref: string(p.ID), Tx: "card", Word: "deny", Amount: 29_000})
	s.status(p, payments.StatusDenied)
	out, err := s.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{})
	require.NoError(t, err)
	require.Equal(t, string(p.ID), out.Session.Ref)
	require.Equal(t, 1, s.fake.count("checkout"))
	s.notify(note{Ref: string(p.ID), Tx: "va", Word: "pending", Amount: 29_000})
	s.status(p, payments.StatusPending)
	s.settle(p, "va")
	require.Equal(t, []payments.EventKind{
		payments.EventPending, payments.EventDenied, payments.EventPending, payments.EventSettled,
		payments.EventFundsAvailable, payments.EventClaimGranted,
	}, s.kinds(p))
}

func TestALateAnswerDoesNotReopenACanceledPayment(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	gate := newBlocker()
	s.fake.checkout = func(r payments.CheckoutRequest) (payments.CheckoutResult, error) {
		gate.wait()
		return payments.CheckoutResult{RedirectURL: "https://gateway.test", Token: "t"}, nil
	}
	p, err := s.pay.Create(t.Context(), payments.CreateParams{User: ana, PlanID: "pro"})
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() {
		_, err := s.pay.Attempt(context.Background(), p.ID, payments.AttemptParams{})
		done <- err
	}()
	<-gate.entered
	_, err = s.pay.Cancel(t.Context(), p.ID, "changed my mind")
	require.NoError(t, err)
	close(gate.release)
	require.ErrorIs(t, <-done, payments.ErrWrongState)
	p = s.status(p, payments.StatusCanceled)
	_, open := p.Session()
	require.False(t, open)
	require.Empty(t, p.View().URL)
	s.clock.Advance(48 * time.Hour)
	s.drain()
	s.status(p, payments.StatusCanceled)
	s.settle(p, "late") // money that comes all the same is taken
	s.status(p, payments.StatusSettled)
}

// The notification can be faster than the answer to our own call.
func TestANotificationBeatsTheAnswer(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.fake.checkout = func(r payments.CheckoutRequest) (payments.CheckoutResult, error) {
		s.fake.set(r.Ref, "tx1", "settlement", 29_000)
		code, verdict := s.notify(note{Ref: r.Ref, Tx: "tx1", Word: "settlement", Amount: 29_000})
		require.Equal(t, 200, code)
		require.Equal(t, payments.VerdictApplied, verdict)
		return payments.CheckoutResult{RedirectURL: "https://gateway.test", Token: "t"}, nil
	}
	out, err := s.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro"})
	require.NoError(t, err)
	require.Equal(t, payments.StatusSettled, out.Payment.Status)
	require.Equal(t, 1, s.told(out.Payment, payments.EventSettled))
	require.Empty(t, out.Payment.View().URL, "there is nothing left to pay")
}

func TestWhatHasEndedCannotBePaidAnyMore(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	created, err := s.pay.Create(t.Context(), payments.CreateParams{User: ana, PlanID: "pro"})
	require.NoError(t, err)
	open, settled, canceled := s.open(ana, "pro"), s.open(ana, "pro"), s.open(ana, "pro")
	s.settle(settled, "tx1")
	_, err = s.pay.Cancel(t.Context(), canceled.ID, "")
	require.NoError(t, err)
	for _, p := range []*payments.Payment{settled, canceled} {
		_, err := s.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{})
		require.ErrorIs(t, err, payments.ErrWrongState)
	}
	s.clock.Advance(24 * time.Hour)
	for _, p := range []*payments.Payment{created, open} {
		_, err := s.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{})
		require.ErrorIs(t, err, payments.ErrWrongState, "its time is up")
		_, err = s.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{Method: "other"})
		require.ErrorIs(t, err, payments.ErrWrongState)
	}
	require.Zero(t, s.fake.count("cancel")-1, "what has ended is not touched at the gateway")
	require.Equal(t, 3, s.fake.count("checkout"))
	_, err = s.pay.Attempt(t.Context(), "0", payments.AttemptParams{})
	require.ErrorIs(t, err, payments.ErrNotFound)
}

func TestTheAnswerIsRecordedThoughTheCallerHasGone(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	ctx, leave := context.WithCancel(t.Context())
	s.fake.checkout = func(r payments.CheckoutRequest) (payments.CheckoutResult, error) {
		leave()
		return payments.CheckoutResult{RedirectURL: "https://gateway.test/x", Token: "t"}, nil
	}
	out, err := s.pay.Checkout(ctx, payments.CreateParams{User: ana, PlanID: "pro"})
	require.NoError(t, err)
	p := s.status(out.Payment, payments.StatusPending)
	session, ok := p.Session()
	require.True(t, ok)
	require.Equal(t, "t", session.Token)

	ctx, leave = context.WithCancel(t.Context())
	s.fake.refund = func(payments.AttemptRef, payments.RefundRequest) error { leave(); return nil }
	s.settle(p, "tx1")
	r, err := s.pay.Refund(ctx, p.ID, payments.RefundParams{Key: "r1"})
	require.NoError(t, err)
	require.Equal(t, payments.RefundDone, r.State)
	s.status(p, payments.StatusRefunded)

	_, err = s.pay.Checkout(ctx, payments.CreateParams{User: ana, PlanID: "pro"})
	require.ErrorIs(t, err, context.Canceled, "who has gone before gets nothing")
}

func TestCheckoutKeepsThePaymentBesideTheError(t *testing.T) {
	t.Parallel()
	var store *flakyStore
	s := newShop(t, withFlaky(&store))
	calls := 0
	store.set(func() error {
		if calls++; calls == 2 { // the Update that would begin the session
			return errors.New("the store is down")
		}
		return nil
	}, nil)
	out, err := s.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro", Key: "k"})
	require.ErrorContains(t, err, "the store is down")
	require.NotNil(t, out)
	require.NotEmpty(t, out.Payment.ID)
	require.NotEmpty(t, out.URL)
	require.Zero(t, s.fake.count("checkout"), "no call without a record of it")
	again, err := s.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro", Key: "k"})
	require.NoError(t, err)
	require.Equal(t, out.Payment.ID, again.Payment.ID)
}

func TestACallInsideATransactionOfTheStoreIsRefused(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.open(ana, "pro")
	ctx := payments.InTransaction(t.Context())
	for name, call := range map[string]func() error{
		"Create": func() error { _, err := s.pay.Create(ctx, payments.CreateParams{User: ana, PlanID: "pro"}); return err },
		"Grant": func() error {
			_, err := s.pay.Grant(ctx, payments.GrantParams{User: ana, PlanID: "pro", Key: "k"})
			return err
		},
		"Get":     func() error { _, err := s.pay.Get(ctx, p.ID); return err },
		"Attempt": func() error { _, err := s.pay.Attempt(ctx, p.ID, payments.AttemptParams{}); return err },
		"Refund":  func() error { _, err := s.pay.Refund(ctx, p.ID, payments.RefundParams{Key: "k"}); return err },
		"Cancel":  func() error { _, err := s.pay.Cancel(ctx, p.ID, ""); return err },
		"Resolve": func() error { _, err := s.pay.Resolve(ctx, p.ID, payments.Resolution{Verb: payments.Seen}); return err },
		"Replay":  func() error { _, err := s.pay.Replay(ctx, "x"); return err },
		"Claims":  func() error { _, err := s.pay.Claims(ctx, ana); return err },
		"Drain":   func() error { return s.pay.Drain(ctx) },
		"Messages": func() error {
			for _, err := range s.pay.Messages(ctx, payments.MessageQuery{}) {
				return err
			}
			return nil
		},
		"Events": func() error {
			for _, err := range s.pay.Events(ctx, p.ID) {
				return err
			}
			return nil
		},
		"Deliveries": func() error {
			for _, err := range s.pay.Deliveries(ctx, payments.DeliveryQuery{}) {
				return err
			}
			return nil
		},
		"Lanes": func() error { _, err := s.pay.Lanes(ctx); return err },
	} {
		require.ErrorContains(t, call(), "use Within", name)
	}
}
