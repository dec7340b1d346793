package payments_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// paid is a settled order of one mug, 85,000 rupiah, paid by "tx1".
func (s *shop) paid() *payments.Payment {
	s.t.Helper()
	p := s.buy("ana", `{"items":[{"id":"mug","quantity":1}]}`)
	s.settle(p, "tx1")
	return s.status(p, payments.StatusSettled)
}

// bank makes the fake keep the keys it has refunded, as gateways do, and
// returns how much that is.
func (g *fakeGateway) bank() (sent func() int64) {
	var mu sync.Mutex
	keys := map[string]int64{}
	g.refund = func(_ payments.AttemptRef, r payments.RefundRequest) error {
		mu.Lock()
		defer mu.Unlock()
		keys[r.Key] = r.Amount.Amount
		return nil
	}
	return func() int64 {
		mu.Lock()
		defer mu.Unlock()
		var sum int64
		for _, n := range keys {
			sum += n
		}
		return sum
	}
}

func (s *shop) refund(p *payments.Payment, key string, amount int64) (*payments.Refund, error) {
	params := payments.RefundParams{Key: key, Reason: "broken"}
	if amount != 0 {
		params.Amount = payments.IDR(amount)
	}
	return s.pay.Refund(s.t.Context(), p.ID, params)
}

func TestARefundUnderOneKeyIsMadeOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.paid()
	var asked []payments.RefundRequest
	s.fake.refund = func(a payments.AttemptRef, r payments.RefundRequest) error {
		require.Equal(t, "tx1", a.TransactionID)
		require.Equal(t, string(p.ID), a.Ref)
		stored := s.get(p.ID).Refunds()
		require.Equal(t, payments.RefundRequested, stored[len(stored)-1].State, "stored before it is sent")
		asked = append(asked, r)
		return nil
	}
	for range 3 {
		r, err := s.refund(p, "r1", 30_000)
		require.NoError(t, err)
		require.Equal(t, payments.RefundDone, r.State)
		require.Equal(t, payments.IDR(30_000), r.Amount)
	}
	require.Equal(t, []payments.RefundRequest{{Key: "r1", Amount: payments.IDR(30_000), Reason: "broken"}}, asked)
	r, err := s.refund(p, "r1", 0) // whatever it was
	require.NoError(t, err)
	require.Equal(t, payments.IDR(30_000), r.Amount)
	p = s.status(p, payments.StatusPartiallyRefunded)
	require.Equal(t, payments.IDR(55_000), p.Totals.Live)

	r, err = s.refund(p, "r2", 0)
	require.NoError(t, err)
	require.Equal(t, payments.IDR(55_000), r.Amount, "all that is left")
	p = s.status(p, payments.StatusRefunded)
	require.Zero(t, p.Totals.Net.Amount)
	require.Equal(t, []payments.EventKind{
		payments.EventRefunded, payments.EventRefundSucceeded, payments.EventRefunded, payments.EventRefundSucceeded,
	}, s.kinds(p)[3:])
	_, err = s.refund(p, "r3", 1)
	require.ErrorIs(t, err, payments.ErrWrongState)
	require.Len(t, asked, 2)
}

func TestARefundThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	open := s.buy("ana", `{"plan_id":"pro"}`)
	p := s.paid()
	_, err := s.refund(p, "r1", 30_000)
	require.NoError(t, err)

	for name, params := range map[string]payments.RefundParams{
		"other amount":  {Key: "r1", Amount: payments.IDR(1)},
		"other attempt": {Key: "r1", Attempt: "tx2"},
	} {
		_, err := s.pay.Refund(t.Context(), p.ID, params)
		require.ErrorIs(t, err, payments.ErrKeyReused, name)
	}
	for name, amount := range map[string]payments.Money{
		"more than is left": payments.IDR(55_001), "less than nothing": payments.IDR(-1), "currency": {Amount: 1, Currency: "USD"},
		"no currency": {Amount: 1}, "nothing": {Currency: "IDR"},
	} {
		_, err := s.pay.Refund(t.Context(), p.ID, payments.RefundParams{Key: "r2", Amount: amount})
		require.Equal(t, []string{"amount"}, fields(t, err), name)
	}
	for _, key := range []string{"", "a b", "ü", "a/b", string(make([]byte, 65))} {
		_, err := s.refund(p, key, 0)
		require.Equal(t, []string{"key"}, fields(t, err), key)
	}
	_, err = s.refund(open, "r", 0)
	require.ErrorIs(t, err, payments.ErrWrongState)
	_, err = s.pay.Refund(t.Context(), p.ID, payments.RefundParams{Key: "r", Attempt: "none"})
	require.ErrorIs(t, err, payments.ErrWrongState)
	_, err = s.pay.Refund(t.Context(), "none", payments.RefundParams{Key: "r"})
	require.ErrorIs(t, err, payments.ErrNotFound)
	require.Equal(t, 1, s.fake.count("refund"))
}

func TestALostAnswerToARefundIsResumedUnderTheSameKey(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]error{
		"unknown": errTimeout,
		"not now": &payments.GatewayError{Gateway: "fake", Op: "refund", Code: "414", Message: "balance", Retry: true},
	} {
		s := newShop(t)
		p := s.paid()
		keys := map[string]int{}
		s.fake.refund = func(_ payments.AttemptRef, r payments.RefundRequest) error {
			if keys[r.Key]++; keys[r.Key] == 1 {
				return lost
			}
			return nil
		}
		r, err := s.refund(p, "r1", 30_000)
		require.ErrorIs(t, err, lost, name)
		require.Equal(t, payments.RefundRequested, r.State)
		s.status(p, payments.StatusSettled)
		_, err = s.refund(p, "r2", 55_001)
		require.Equal(t, []string{"amount"}, fields(t, err), "what may have gone is not there to refund")
		s.drain()
		require.Equal(t, 1, keys["r1"])
		s.clock.Advance(10 * time.Minute)
		s.drain()
		require.Equal(t, 2, keys["r1"], name)
		p = s.status(p, payments.StatusPartiallyRefunded)
		require.Equal(t, payments.IDR(30_000), p.Totals.Refunded)
		require.Equal(t, 1, s.told(p, payments.EventRefundSucceeded))
		require.Zero(t, s.told(p, payments.EventRefundFailed))
		s.clock.Advance(48 * time.Hour)
		s.drain()
		require.Equal(t, 2, keys["r1"])
	}
}

// While the first call may still be running, the timer does not repeat it.
func TestARefundThatMayStillBeRunningIsNotRepeated(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.paid()
	s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "deny", Amount: 85_000}) // wakes the timer in ten seconds
	s.fake.refund = func(payments.AttemptRef, payments.RefundRequest) error { return errTimeout }
	_, err := s.refund(p, "r1", 0)
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	asked := s.fake.count("status")
	s.clock.Advance(10 * time.Second)
	s.drain()
	require.Greater(t, s.fake.count("status"), asked)
	require.Equal(t, 1, s.fake.count("refund"))
}

// The look-up shows the refund: there is no need to ask for it again.
func TestALookUpAnswersALostRefund(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.paid()
	s.fake.refund = func(payments.AttemptRef, payments.RefundRequest) error { return errTimeout }
	_, err := s.refund(p, "r1", 30_000)
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	s.fake.put(payments.Observation{Ref: string(p.ID), TransactionID: "tx1", Amount: p.Amount, RawStatus: "partial_refund", Facts: []payments.Fact{
		{Kind: payments.FactPartlyRefunded}, {Kind: payments.FactRefund, Key: "r1", ID: "77", Amount: payments.IDR(30_000)},
		{Kind: payments.FactRefundTotal, Amount: payments.IDR(30_000)},
	}})
	s.clock.Advance(10 * time.Minute)
	s.drain()
	require.Equal(t, 1, s.fake.count("refund"))
	p = s.status(p, payments.StatusPartiallyRefunded)
	require.Equal(t, payments.RefundDone, p.Refunds()[0].State)
	require.Equal(t, payments.IDR(30_000), p.Totals.Refunded)
}

// A key is not known for ever: after a week a repeat could refund twice.
func TestALostRefundIsLeftToPeopleAfterAWeek(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.paid()
	s.fake.refund = func(payments.AttemptRef, payments.RefundRequest) error { return errTimeout }
	_, err := s.refund(p, "r1", 0)
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	for range 8 * 4 {
		s.clock.Advance(6 * time.Hour)
		_ = s.pay.Drain(t.Context()) // it fails as long as the refund does
	}
	sent := s.fake.count("refund")
	for range 40 {
		s.clock.Advance(24 * time.Hour)
		require.NoError(t, s.pay.Drain(t.Context()))
	}
	require.Equal(t, sent, s.fake.count("refund"))
	require.Equal(t, payments.RefundRequested, s.get(p.ID).Refunds()[0].State)
}

func TestARefusedRefundCanBeAskedForAgain(t *testing.T) {
	t.Parallel()
	for name, no := range map[string]error{
		"refused":       &payments.GatewayError{Gateway: "fake", Op: "refund", Code: "412", Message: "too old"},
		"wrong state":   fmt.Errorf("fake: %w", payments.ErrWrongState),
		"not found":     fmt.Errorf("fake: %w", payments.ErrNotFound),
		"not this kind": fmt.Errorf("fake: %w", payments.ErrUnsupported),
		"invalid":       payments.Invalid("reason", "is too long"),
	} {
		s := newShop(t)
		p := s.paid()
		s.fake.refund = func(payments.AttemptRef, payments.RefundRequest) error { return no }
		r, err := s.refund(p, "r1", 30_000)
		require.ErrorIs(t, err, no, name)
		require.Equal(t, payments.RefundRefused, r.State, name)
		require.Equal(t, no.Error(), r.Failure)
		s.clock.Advance(time.Hour)
		s.drain()
		require.Equal(t, 1, s.fake.count("refund"), "a no is not asked again by itself")
		require.Equal(t, 1, s.told(p, payments.EventRefundFailed))
		s.status(p, payments.StatusSettled)

		s.fake.refund = nil
		r, err = s.refund(p, "r1", 30_000)
		require.NoError(t, err)
		require.Equal(t, payments.RefundDone, r.State)
		require.Empty(t, r.Failure)
		s.status(p, payments.StatusPartiallyRefunded)
		require.Equal(t, 1, s.told(p, payments.EventRefundSucceeded))
	}
}

func TestARetriedRefundIsAccountedForLikeTheFirst(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.paid()
	no := &payments.GatewayError{Gateway: "fake", Op: "refund", Code: "412"}
	answers := []error{no, errTimeout, no, errTimeout, nil}
	s.fake.refund = func(payments.AttemptRef, payments.RefundRequest) error {
		answer := answers[0]
		answers = answers[1:]
		return answer
	}
	r, err := s.refund(p, "r1", 85_000)
	require.ErrorIs(t, err, no)
	require.Equal(t, payments.RefundRefused, r.State)

	r, err = s.refund(p, "r1", 85_000) // nobody knows how the second try ended
	require.ErrorIs(t, err, errTimeout)
	require.Equal(t, payments.RefundRequested, r.State)
	_, err = s.refund(p, "r2", 0)
	require.ErrorIs(t, err, payments.ErrWrongState, "it may all have gone back")

	s.clock.Advance(10 * time.Minute)
	s.drain() // the timer finds out: refused once more
	require.Equal(t, payments.RefundRefused, s.get(p.ID).Refunds()[0].State)
	_, err = s.refund(p, "r1", 0)
	require.ErrorIs(t, err, errTimeout)
	s.clock.Advance(10 * time.Minute)
	s.drain()
	s.status(p, payments.StatusRefunded)
	require.Empty(t, answers)
	require.Equal(t, 1, s.told(p, payments.EventRefundFailed))
	require.Equal(t, 1, s.told(p, payments.EventRefunded))
}

// A refund that was refused must not come back to life beside another one.
func TestARetryCannotRefundMoreThanIsLeft(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.paid()
	s.fake.refund = func(payments.AttemptRef, payments.RefundRequest) error {
		return &payments.GatewayError{Gateway: "fake", Op: "refund", Code: "412"}
	}
	_, err := s.refund(p, "r1", 50_000)
	require.Error(t, err)
	sent := s.fake.bank()
	_, err = s.refund(p, "r2", 50_000)
	require.NoError(t, err)
	_, err = s.refund(p, "r1", 50_000)
	require.Equal(t, []string{"amount"}, fields(t, err))
	require.EqualValues(t, 50_000, sent())
}

func TestRefundsAtOnceCannotExceedWhatWasPaid(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.paid()
	sent := s.fake.bank()
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			_, err := s.pay.Refund(context.Background(), p.ID, payments.RefundParams{Key: fmt.Sprint("r", i), Amount: payments.IDR(20_000)})
			invalid := (*payments.InvalidError)(nil)
			if err != nil && !errors.As(err, &invalid) && !errors.Is(err, payments.ErrWrongState) {
				t.Errorf("refund: %v", err)
			}
		})
	}
	group.Wait()
	require.EqualValues(t, 80_000, sent())
	require.Equal(t, payments.IDR(80_000), s.status(p, payments.StatusPartiallyRefunded).Totals.Refunded)
}

func TestAGatewayThatCannotRefund(t *testing.T) {
	t.Parallel()
	s := newShop(t, with(func(c *payments.Config) {
		c.Gateways = []payments.Gateway{readOnly{c.Gateways[0].(*fakeGateway)}}
	}))
	p := s.paid()
	_, err := s.refund(p, "r1", 0)
	require.ErrorIs(t, err, payments.ErrUnsupported)
	require.ErrorContains(t, err, "RecordRefund")
	require.Empty(t, s.get(p.ID).Refunds())
	_, err = s.pay.RecordRefund(t.Context(), p.ID, payments.ManualRefund{ID: "transfer-1", Amount: payments.IDR(85_000)})
	require.NoError(t, err)
	s.status(p, payments.StatusRefunded)
}

// A crash between the gateway's yes and our record of it.
func TestARefundWhoseRecordWasLostIsFoundAgain(t *testing.T) {
	t.Parallel()
	var store *flakyStore
	s := newShop(t, withFlaky(&store))
	p := s.paid()
	sent := s.fake.bank()
	calls := 0
	store.set(func() error {
		if calls++; calls == 2 {
			return errors.New("the lights went out")
		}
		return nil
	}, nil)
	r, err := s.refund(p, "r1", 30_000)
	require.ErrorContains(t, err, "the lights went out")
	require.Equal(t, payments.RefundRequested, r.State)
	s.clock.Advance(10 * time.Minute)
	s.drain()
	s.status(p, payments.StatusPartiallyRefunded)
	require.EqualValues(t, 30_000, sent())
	require.Equal(t, 2, s.fake.count("refund"))
}

func TestWhichAttemptIsRefunded(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.paid()
	s.fake.set(string(p.ID), "tx2", "settlement", 85_000)
	s.notify(note{Ref: string(p.ID), Tx: "tx2", Word: "settlement", Amount: 85_000})
	require.Equal(t, 1, s.told(p, payments.EventOverpaid))
	_, err := s.refund(p, "r1", 0)
	require.Equal(t, []string{"attempt"}, fields(t, err))
	var asked string
	s.fake.refund = func(a payments.AttemptRef, _ payments.RefundRequest) error { asked = a.TransactionID; return nil }
	r, err := s.pay.Refund(t.Context(), p.ID, payments.RefundParams{Key: "r1", Attempt: "tx2"})
	require.NoError(t, err)
	require.Equal(t, "tx2", asked)
	require.Equal(t, "tx2", r.TransactionID)
	s.status(p, payments.StatusSettled)
	_, err = s.refund(p, "r2", 0) // now only one has money
	require.NoError(t, err)
	require.Equal(t, "tx1", asked)
	s.status(p, payments.StatusRefunded)
}

// What a chargeback took cannot be given back once more.
func TestChargedBackMoneyIsNotRefunded(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.paid()
	s.fake.set(string(p.ID), "tx1", "chargeback", 85_000)
	s.notify(note{Ref: string(p.ID), Tx: "tx1", Word: "chargeback", Amount: 85_000})
	s.status(p, payments.StatusChargedBack)
	_, err := s.refund(p, "r1", 0)
	require.ErrorIs(t, err, payments.ErrWrongState)
	require.Zero(t, s.fake.count("refund"))
	_, err = s.pay.Resolve(t.Context(), p.ID, payments.Resolution{Verb: payments.DisputeWon})
	require.NoError(t, err)
	_, err = s.refund(p, "r1", 0)
	require.NoError(t, err)
	s.status(p, payments.StatusRefunded)
}

// One made in the gateway's dashboard is seen like our own.
func TestARefundFromTheDashboardIsSeenLikeOurs(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.paid()
	_, err := s.refund(p, "r1", 30_000)
	require.NoError(t, err)
	listed := func(total int64, refunds ...payments.Fact) {
		facts := append([]payments.Fact{{Kind: payments.FactPartlyRefunded}, {Kind: payments.FactRefundTotal, Amount: payments.IDR(total)}}, refunds...)
		s.fake.put(payments.Observation{Ref: string(p.ID), TransactionID: "tx1", Amount: p.Amount, RawStatus: "partial_refund", Facts: facts})
		_, err := s.pay.Replay(t.Context(), s.lastMessage("notification"))
		require.NoError(t, err)
	}
	ours := payments.Fact{Kind: payments.FactRefund, Key: "r1", ID: "1", Amount: payments.IDR(30_000)}
	theirs := payments.Fact{Kind: payments.FactRefund, ID: "2", Amount: payments.IDR(20_000)}
	s.notifyRefund(p, "tx1")
	listed(50_000, ours, theirs)
	p = s.status(p, payments.StatusPartiallyRefunded)
	require.Equal(t, payments.IDR(50_000), p.Totals.Refunded)
	require.Equal(t, 2, s.told(p, payments.EventRefunded))
	require.Equal(t, 1, s.told(p, payments.EventRefundSucceeded))
	require.False(t, p.Attention)
	_, err = s.refund(p, "r2", 35_001)
	require.Equal(t, []string{"amount"}, fields(t, err))
}

// lastMessage is the newest message of that kind.
func (s *shop) lastMessage(op string) payments.ID {
	s.t.Helper()
	var id payments.ID
	for m, err := range s.pay.Messages(s.t.Context(), payments.MessageQuery{}) {
		require.NoError(s.t, err)
		if m.Op == op {
			id = m.ID
		}
	}
	require.NotEmpty(s.t, id)
	return id
}

// notifyRefund tells of a refund that the gateway cannot confirm yet.
func (s *shop) notifyRefund(p *payments.Payment, tx string) {
	s.t.Helper()
	code, _ := s.notify(note{Ref: string(p.ID), Tx: tx, Word: "partial_refund", Amount: p.Amount.Amount})
	require.Equal(s.t, 503, code)
}

func TestMoneyHandedBackByHandIsRecorded(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.paid()
	ctx := payments.WithActor(t.Context(), "ops:budi")
	r := payments.ManualRefund{ID: "transfer-1", Amount: payments.IDR(50_000), Note: "by bank"}
	for range 2 {
		_, err := s.pay.RecordRefund(ctx, p.ID, r)
		require.NoError(t, err)
	}
	p = s.status(p, payments.StatusPartiallyRefunded)
	require.Equal(t, payments.IDR(50_000), p.Totals.Refunded)
	require.Equal(t, 1, s.told(p, payments.EventRefunded))
	found := false
	for _, f := range p.Attempts[0].Facts {
		found = found || f.Kind == payments.FactManualRefund && f.By == "ops:budi" && f.Text == "by bank"
	}
	require.True(t, found, "who did it is on record")

	other := r
	other.Amount = payments.IDR(1)
	_, err := s.pay.RecordRefund(ctx, p.ID, other)
	require.ErrorIs(t, err, payments.ErrKeyReused)
	for name, bad := range map[string]payments.ManualRefund{
		"amount":  {ID: "t2", Amount: payments.IDR(35_001)},
		"id":      {Amount: payments.IDR(1)},
		"attempt": {ID: "t2", Attempt: "none", Amount: payments.IDR(1)},
	} {
		_, err := s.pay.RecordRefund(ctx, p.ID, bad)
		require.Equal(t, []string{name}, fields(t, err))
	}
	_, err = s.refund(p, "r1", 35_001)
	require.Equal(t, []string{"amount"}, fields(t, err))
	_, err = s.pay.RecordRefund(ctx, p.ID, payments.ManualRefund{ID: "t3", Amount: payments.IDR(35_000)})
	require.NoError(t, err)
	s.status(p, payments.StatusRefunded)
	require.Zero(t, s.fake.count("refund"))
}
