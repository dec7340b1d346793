package payments_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// number has a gateway answer a checkout at once with a transaction to be paid
// by a number, and no cancellation of it.
func (g *fakeGateway) number(cancelable bool) {
	g.checkout = func(r payments.CheckoutRequest) (payments.CheckoutResult, error) {
		o := payments.Observation{
			Ref: r.Ref, TransactionID: "tx-" + r.Ref, Method: r.Method, RawStatus: "pending", Amount: r.Order.Amount, Facts: words("pending"),
			Instructions: &payments.Instructions{Kind: payments.KindVirtualAccount, Method: r.Method, VANumber: "123"},
		}
		g.put(o)
		return payments.CheckoutResult{Observation: o}, nil
	}
	if !cancelable {
		g.cannotCancel()
	}
}

func (g *fakeGateway) cannotCancel() {
	g.cancel = func(payments.AttemptRef) error { return payments.ErrUnsupported }
	g.expire = g.cancel
}

// byMethod is a router that sends each method to a gateway of its own.
func byMethod(where map[payments.Method]string) payments.Router {
	return payments.RouterFunc(func(_ context.Context, r payments.RouteRequest) ([]payments.Choice, error) {
		return []payments.Choice{{Gateway: where[r.Method]}}, nil
	})
}

// The answer to the first call was lost: the payer's phone may have rung, or his
// card been charged. The second call of the same session is turned away (429).
// That says nothing about the first, yet the next gateway is asked: the payer is
// charged twice.
func TestFaultFailoverOnARepeatThoughThePhoneMayHaveRung(t *testing.T) {
	t.Parallel()
	m := newMall(t, inOrder("fake", "other"))
	for _, g := range []*fakeGateway{m.fake, m.other} {
		g.methods = []payments.MethodInfo{{Method: "ovo", Kind: payments.KindPush, Min: payments.IDR(1)}}
	}
	m.fake.answers(lost(), busyNow())
	out, err := m.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro", Method: "ovo"})
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	m.clock.Advance(time.Minute)
	_, _ = m.pay.Attempt(t.Context(), out.Payment.ID, payments.AttemptParams{})
	require.Equal(t, 2, m.fake.count("checkout"))
	require.Zero(t, m.other.count("checkout"), "the phone may ring twice, and both be paid")
}

// As above, with a number, where the other gateway may take over: the session
// whose first answer was lost is not GivenUp, so nobody looks for what was made.
func TestFaultARepeatThatIsTurnedAwayForgetsTheLostAnswer(t *testing.T) {
	t.Parallel()
	m := newMall(t, inOrder("fake", "other"))
	ctx, gone := context.WithCancel(t.Context())
	tries := 0
	m.fake.checkout = func(payments.CheckoutRequest) (payments.CheckoutResult, error) {
		if tries++; tries == 1 {
			gone() // so there is no failover yet
			return payments.CheckoutResult{}, lost()
		}
		return payments.CheckoutResult{}, busyNow()
	}
	out, err := m.pay.Checkout(ctx, payments.CreateParams{User: ana, PlanID: "pro", Method: "bank_transfer/bca"})
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	p := out.Payment
	m.clock.Advance(time.Minute)
	_, err = m.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{})
	require.NoError(t, err)
	m.fake.set(p.Sessions[0].Ref, "f1", "pending", 29_000) // the first call had made it
	m.clock.Advance(time.Hour)
	m.drain()
	require.True(t, m.get(p.ID).Sessions[0].GivenUp)
	require.Len(t, m.fake.canceled, 1, "what was made must be found and canceled")
}

// A gateway was given up, and what was made there cannot be canceled (Fazz's
// QRIS). The payer pays on the page of the other one, whose notification is
// lost. As the first gateway answers each look-up ("pending"), the page is never
// asked about; in the end it is closed, and the paid order lapses.
func TestFaultAPaidPageIsNotAskedAboutBesideAnotherGatewaysAttempt(t *testing.T) {
	t.Parallel()
	m := newMall(t, inOrder("fake", "other"))
	m.fake.answers(lost())
	m.fake.cannotCancel()
	m.other.cannotCancel()
	p := m.buyFor(payments.CreateParams{}, "other").Payment
	m.fake.set(p.Sessions[0].Ref, "f1", "pending", 29_000)
	m.clock.Advance(3 * time.Minute)
	m.drain()
	require.NotNil(t, m.get(p.ID).Attempt("fake", "f1"), "it has turned up")
	m.other.set(p.Sessions[1].Ref, "o1", "settlement", 29_000)
	for hour := range 40 {
		if hour == 24 {
			m.fake.set(p.Sessions[0].Ref, "f1", "expire", 29_000)
		}
		m.clock.Advance(time.Hour)
		m.drain()
	}
	require.Equal(t, payments.StatusSettled, m.get(p.ID).Status, "paid long ago, and nobody asked")
}

// The payer leaves a page for another one, and pays on the page all the same; its
// gateway cannot close pages. The notification is lost, and nobody asks: the
// session is Closed. The order lapses, paid.
func TestFaultAReplacedPageThatIsPaidIsNeverAskedAbout(t *testing.T) {
	t.Parallel()
	m := newMall(t, byMethod(map[payments.Method]string{"": "fake", "bank_transfer/bca": "other"}))
	m.fake.cannotCancel()
	p := m.buyFor(payments.CreateParams{}, "fake").Payment
	_, err := m.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{Method: "bank_transfer/bca"})
	require.NoError(t, err)
	m.fake.set(p.Sessions[0].Ref, "f1", "settlement", 29_000)
	for range 40 {
		m.clock.Advance(time.Hour)
		m.drain()
	}
	require.Equal(t, payments.StatusSettled, m.get(p.ID).Status)
}

// between calls f once, when messages are first read: in a timer's turn that is
// between its reading of the payment and its healing.
type between struct {
	payments.Store
	f func()
}

func (b *between) Messages(ctx context.Context, q payments.MessageQuery) (payments.Page[payments.Message], error) {
	if f := b.f; f != nil {
		b.f = nil
		f()
	}
	return b.Store.Messages(ctx, q)
}

// The timer has read a payment whose answer was lost, and another process
// cancels it. The timer calls the gateway all the same: the payer's phone rings
// for an order that is canceled.
func TestFaultHealingOpensWhatWasCanceledMeanwhile(t *testing.T) {
	t.Parallel()
	store := &between{}
	m := newMall(t, inOrder("fake"), func(c *payments.Config) { store.Store, c.Store = c.Store, store })
	m.fake.answers(lost())
	out, err := m.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "pro"})
	require.ErrorIs(t, err, payments.ErrOutcomeUnknown)
	m.clock.Advance(time.Minute)
	store.f = func() {
		_, err := m.pay.Cancel(t.Context(), out.Payment.ID, "sold out")
		require.NoError(t, err)
	}
	m.drain()
	m.status(out.Payment, payments.StatusCanceled)
	require.Equal(t, 1, m.fake.count("checkout"), "nothing is to be opened for a canceled order")
}

// An order is paid twice, and somebody has sent one of the two back by hand
// before the hook runs. RefundOverpaid sends back the other, too: the goods are
// given away.
func TestFaultRefundOverpaidSendsBackTheLastMoney(t *testing.T) {
	t.Parallel()
	m := newMall(t, inOrder("fake", "other"))
	m.pay.RefundOverpaid("give-back")
	m.fake.answers(lost())
	p := m.buyFor(payments.CreateParams{}, "other").Payment
	m.tell(m.other, p.Sessions[1].Ref, "o1", "settlement")
	m.tell(m.fake, p.Sessions[0].Ref, "f1", "settlement")
	for _, g := range []*fakeGateway{m.fake, m.other} {
		g.refund = func(a payments.AttemptRef, _ payments.RefundRequest) error {
			g.set(a.Ref, a.TransactionID, "refund", 29_000)
			return nil
		}
	}
	_, err := m.pay.Refund(t.Context(), p.ID, payments.RefundParams{Attempt: "o1", Key: "by-hand"})
	require.NoError(t, err)
	m.drain()
	require.Zero(t, m.fake.count("refund"), "it was not paid twice any more")
	m.status(p, payments.StatusSettled)
}

// Transaction ids are unique at a gateway only. If two share one, what was paid
// twice cannot be sent back: the hook dies.
func TestFaultRefundOfTransactionsWithTheSameID(t *testing.T) {
	t.Parallel()
	m := newMall(t, inOrder("fake", "other"))
	m.pay.RefundOverpaid("give-back")
	m.fake.answers(lost())
	p := m.buyFor(payments.CreateParams{}, "other").Payment
	m.tell(m.other, p.Sessions[1].Ref, "1", "settlement")
	m.tell(m.fake, p.Sessions[0].Ref, "1", "settlement")
	m.drain()
	require.Equal(t, 1, m.fake.count("refund"))
	require.Zero(t, m.other.count("refund"))
}

// And a doubt about one gateway's transaction is never asked about while the
// other gateway's of the same id is open: in the end it is "contradicted" by
// nobody.
func TestFaultDoubtOfATransactionWithTheSameID(t *testing.T) {
	t.Parallel()
	m := newMall(t, inOrder("fake", "other"))
	m.fake.answers(lost())
	m.fake.cannotCancel()
	p := m.buyFor(payments.CreateParams{}, "other").Payment
	m.tell(m.fake, p.Sessions[0].Ref, "1", "pending")
	m.other.status = func(payments.AttemptRef) (payments.Observation, error) { return payments.Observation{}, down() }
	body := fmt.Sprintf(`{"Sign":"good","Ref":%q,"Tx":"1","Word":"settlement","Amount":29000}`, p.Sessions[1].Ref)
	require.Equal(t, 503, m.do("POST", "/notifications/other", "", body).Code)
	m.other.status = nil
	m.other.set(p.Sessions[1].Ref, "1", "settlement", 29_000)
	m.clock.Advance(time.Hour)
	m.drain()
	m.status(p, payments.StatusSettled)
}

// The payer goes from QRIS, which cannot be canceled, to a number that can, and
// on to another. The number is not canceled: looking for what to end stops at
// the QRIS. He has a number in his hands that is live without need.
func TestFaultWhatCanBeCanceledIsNotBesideWhatCannot(t *testing.T) {
	t.Parallel()
	m := newMall(t, byMethod(map[payments.Method]string{"qris": "fake", "bank_transfer/bca": "other", "cstore/alfamart": "third"}))
	m.fake.methods = []payments.MethodInfo{{Method: "qris", Kind: payments.KindQR, Min: payments.IDR(1)}}
	m.fake.number(false)
	m.other.number(true)
	m.third.number(true)
	p := m.buyFor(payments.CreateParams{Method: "qris"}, "fake").Payment
	for _, method := range []payments.Method{"bank_transfer/bca", "cstore/alfamart"} {
		_, err := m.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{Method: method})
		require.NoError(t, err)
	}
	require.Len(t, m.other.canceled, 1)
}

// A gateway that was given up is still down. What was made there is no reason
// to keep the payer from another method at the gateway that works.
func TestFaultAGivenUpGatewayThatIsDownBlocksAnotherMethod(t *testing.T) {
	t.Parallel()
	m := newMall(t, inOrder("fake", "other"))
	m.fake.answers(lost(), lost())
	m.other.number(true)
	p := m.buyFor(payments.CreateParams{Method: "bank_transfer/bca"}, "other").Payment
	m.tell(m.fake, p.Sessions[0].Ref, "f1", "pending")
	m.fake.status = func(payments.AttemptRef) (payments.Observation, error) { return payments.Observation{}, down() }
	_, err := m.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{Method: "cstore/alfamart"})
	require.NoError(t, err)
}

// The order is paid at one gateway while another is down (or was taken out of
// the Config). What can be canceled at the third stays payable until that one
// answers.
func TestFaultStraysStayAliveWhileAnyGatewayIsDown(t *testing.T) {
	t.Parallel()
	m := newMall(t, inOrder("fake", "other", "third"))
	m.fake.answers(lost())
	m.other.answers(lost())
	p := m.buyFor(payments.CreateParams{}, "third").Payment
	m.tell(m.fake, p.Sessions[0].Ref, "f1", "pending")
	m.tell(m.other, p.Sessions[1].Ref, "o1", "pending")
	m.fake.status = func(payments.AttemptRef) (payments.Observation, error) { return payments.Observation{}, down() }
	m.tell(m.third, p.Sessions[2].Ref, "t1", "settlement")
	_ = m.pay.Drain(t.Context()) // its error is that the first is down
	require.Len(t, m.other.canceled, 1)
}

// The host asked by an alias; the payer's page by the name that GET /methods
// lists. It is the same method, yet the first code, which cannot be canceled,
// stays alive beside a second one.
func TestFaultAnAliasIsTakenForAnotherMethod(t *testing.T) {
	t.Parallel()
	m := newMall(t, inOrder("fake"))
	m.fake.methods = []payments.MethodInfo{{Method: "cstore/alfamart", Aliases: []payments.Method{"alfamart"}, Kind: payments.KindCounter, Min: payments.IDR(1)}}
	m.fake.number(false)
	p := m.buyFor(payments.CreateParams{Method: "alfamart"}, "fake").Payment
	out, err := m.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{Method: "cstore/alfamart"})
	require.NoError(t, err)
	require.Len(t, out.Payment.Sessions, 1)
}

// One gateway's alias is another's first name: the method is listed twice.
func TestFaultAMethodIsListedTwice(t *testing.T) {
	t.Parallel()
	m := newMall(t, nil)
	m.fake.methods = []payments.MethodInfo{{Method: "bank_transfer/bca", Aliases: []payments.Method{"bca_va"}, Min: payments.IDR(1)}}
	m.other.methods = []payments.MethodInfo{{Method: "bca_va", Min: payments.IDR(1)}}
	m.third.methods = []payments.MethodInfo{}
	found, err := m.pay.Methods(t.Context(), payments.IDR(29_000))
	require.NoError(t, err)
	names := map[payments.Method]int{}
	for _, x := range found {
		names[x.Method]++
	}
	require.Equal(t, 1, names["bank_transfer/bca"], "%v", found)
}

// Three gateways refuse for good. Each click of one user on "pay" adds three
// sessions, three references and three events to his payment, for a day: there is no
// bound, and every look reads the parked messages of each.
func TestFaultSessionsGrowWithoutBound(t *testing.T) {
	t.Parallel()
	m := newMall(t, inOrder("fake", "other", "third"))
	for _, g := range []*fakeGateway{m.fake, m.other, m.third} {
		g.checkout = func(payments.CheckoutRequest) (payments.CheckoutResult, error) {
			return payments.CheckoutResult{}, refusal("400")
		}
	}
	for range 100 {
		m.clock.Advance(6 * time.Second)
		m.do("POST", "/checkout", "ana", `{"plan_id":"pro"}`, "Idempotency-Key", "k")
	}
	p := m.only()
	require.LessOrEqual(t, len(p.Sessions), 50, "%d in ten minutes", len(p.Sessions))
	routed := slices.DeleteFunc(m.kinds(p), func(k payments.EventKind) bool { return k != payments.EventRouted })
	require.LessOrEqual(t, len(routed), 50)
}
