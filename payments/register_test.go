package payments_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

func nothing(context.Context, payments.Event) error { return nil }

func TestRegisterRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	some := []payments.EventKind{payments.EventSettled}
	for name, bad := range map[string]payments.Hook{
		"no name":                 {Handle: nothing},
		"capital letters":         {Name: "Mail", Handle: nothing},
		"a space":                 {Name: "send mail", Handle: nothing},
		"a slash":                 {Name: "mail/send", Handle: nothing},
		"a dash in front":         {Name: "-mail", Handle: nothing},
		"a line end":              {Name: "mail\n", Handle: nothing},
		"other letters":           {Name: "surét", Handle: nothing},
		"more than 64 characters": {Name: strings.Repeat("x", 65), Handle: nothing},
		"no function":             {Name: "mail"},
		"an empty list of kinds":  {Name: "mail", Kinds: []payments.EventKind{}, Handle: nothing},
		"a kind twice":            {Name: "mail", Kinds: append(some, some...), Handle: nothing},
		"a kind that is taken":    {Name: "taken", Kinds: some, Handle: nothing},
		"all kinds, once more":    {Name: "all", Handle: nothing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			require.NoError(t, s.pay.Register(payments.Hook{Name: "taken", Kinds: some, Handle: nothing}))
			require.NoError(t, s.pay.Register(payments.Hook{Name: "all", Handle: nothing}))
			require.Error(t, s.pay.Register(bad))

			s.drain()
			lanes, err := s.pay.Lanes(t.Context())
			require.NoError(t, err)
			require.Len(t, lanes, 2, "a refused hook leaves nothing behind")
		})
	}
}

func TestRegisterTakesGoodNamesAndSharedLanes(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for _, name := range []string{"a", "0", "mail.v2", "send_mail-2", strings.Repeat("x", 64)} {
		require.NoError(t, s.pay.Register(payments.Hook{Name: name, Handle: nothing}), name)
	}
	refused := payments.Hook{Name: "b", Kinds: []payments.EventKind{payments.EventSettled, payments.EventDenied, payments.EventDenied}, Handle: nothing}
	require.Error(t, s.pay.Register(refused))
	for _, kind := range []payments.EventKind{payments.EventSettled, payments.EventDenied, payments.EventRefunded} {
		require.NoError(t, s.pay.Register(payments.Hook{Name: "b", Kinds: []payments.EventKind{kind}, Handle: nothing}), kind)
	}
	s.drain()
	lanes, err := s.pay.Lanes(t.Context())
	require.NoError(t, err)
	require.Equal(t, "b", lanes[2].Name)
	require.Equal(t, []payments.EventKind{payments.EventDenied, payments.EventRefunded, payments.EventSettled}, lanes[2].Kinds)
	require.Nil(t, lanes[1].Kinds, "all kinds")
}

func TestRegistrationEndsWhereDeliveryBegins(t *testing.T) {
	t.Parallel()
	ended, end := context.WithCancel(context.Background())
	end()
	for name, begin := range map[string]func(*payments.Service) error{
		"Drain": func(pay *payments.Service) error { return pay.Drain(context.Background()) },
		"Run":   func(pay *payments.Service) error { return pay.Run(ended) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			require.NoError(t, begin(s.pay))
			require.ErrorContains(t, s.pay.Register(payments.Hook{Name: "late", Handle: nothing}), "Run has begun")
			require.Panics(t, func() { s.pay.OnEvent("late", nothing) })
		})
	}
}

// typed registers f for the events of one type.
type typed struct {
	kind     payments.EventKind
	register func(pay *payments.Service, name string, heard func(payments.EventMeta))
	refuse   func(pay *payments.Service) // registers no function
}

func moment[E any](kind payments.EventKind, on func(*payments.Service, string, func(context.Context, E) error), meta func(E) payments.EventMeta) typed {
	return typed{
		kind: kind,
		register: func(pay *payments.Service, name string, heard func(payments.EventMeta)) {
			on(pay, name, func(_ context.Context, e E) error { heard(meta(e)); return nil })
		},
		refuse: func(pay *payments.Service) { on(pay, "ok", nil) },
	}
}

// moments are all hooks but OnEvent.
var moments = []typed{
	moment(payments.EventRouted, (*payments.Service).OnRouted, func(e payments.Routed) payments.EventMeta { return e.EventMeta }),
	moment(payments.EventCreated, (*payments.Service).OnCreated, func(e payments.Created) payments.EventMeta { return e.EventMeta }),
	moment(payments.EventPending, (*payments.Service).OnPending, func(e payments.Pending) payments.EventMeta { return e.EventMeta }),
	moment(payments.EventAuthorized, (*payments.Service).OnAuthorized, func(e payments.Authorized) payments.EventMeta { return e.EventMeta }),
	moment(payments.EventChallenged, (*payments.Service).OnChallenged, func(e payments.Challenged) payments.EventMeta { return e.EventMeta }),
	moment(payments.EventSettled, (*payments.Service).OnSettled, func(e payments.Settled) payments.EventMeta { return e.EventMeta }),
	moment(payments.EventOverpaid, (*payments.Service).OnOverpaid, func(e payments.Overpaid) payments.EventMeta { return e.EventMeta }),
	moment(payments.EventFundsAvailable, (*payments.Service).OnFundsAvailable, func(e payments.FundsAvailable) payments.EventMeta { return e.EventMeta }),
	moment(payments.EventRefunded, (*payments.Service).OnRefund, func(e payments.Refunded) payments.EventMeta { return e.EventMeta }),
	moment(payments.EventRefundSucceeded, (*payments.Service).OnRefundSucceeded, func(e payments.RefundSucceeded) payments.EventMeta { return e.EventMeta }),
	moment(payments.EventRefundFailed, (*payments.Service).OnRefundFailed, func(e payments.RefundFailed) payments.EventMeta { return e.EventMeta }),
	moment(payments.EventChargedBack, (*payments.Service).OnChargedBack, func(e payments.ChargedBack) payments.EventMeta { return e.EventMeta }),
	moment(payments.EventChargebackReversed, (*payments.Service).OnChargebackReversed, func(e payments.ChargebackReversed) payments.EventMeta { return e.EventMeta }),
	moment(payments.EventReview, (*payments.Service).OnReview, func(e payments.Review) payments.EventMeta { return e.EventMeta }),
	moment(payments.EventDenied, (*payments.Service).OnDenied, func(e payments.Denied) payments.EventMeta { return e.EventMeta }),
	moment(payments.EventCanceled, (*payments.Service).OnCanceled, func(e payments.Canceled) payments.EventMeta { return e.EventMeta }),
	moment(payments.EventExpired, (*payments.Service).OnExpired, func(e payments.Expired) payments.EventMeta { return e.EventMeta }),
	moment(payments.EventLinkOverLimit, (*payments.Service).OnLinkOverLimit, func(e payments.LinkOverLimit) payments.EventMeta { return e.EventMeta }),
	moment(payments.EventRenewalDue, (*payments.Service).OnRenewalDue, func(e payments.RenewalDue) payments.EventMeta { return e.EventMeta }),
	moment(payments.EventRenewed, (*payments.Service).OnRenewed, func(e payments.Renewed) payments.EventMeta { return e.EventMeta }),
	moment(payments.EventRenewalFailed, (*payments.Service).OnRenewalFailed, func(e payments.RenewalFailed) payments.EventMeta { return e.EventMeta }),
	moment(payments.EventClaimGranted, (*payments.Service).OnClaimGranted, func(e payments.ClaimGranted) payments.EventMeta { return e.EventMeta }),
	moment(payments.EventClaimExtended, (*payments.Service).OnClaimExtended, func(e payments.ClaimExtended) payments.EventMeta { return e.EventMeta }),
	moment(payments.EventClaimRevoked, (*payments.Service).OnClaimRevoked, func(e payments.ClaimRevoked) payments.EventMeta { return e.EventMeta }),
	moment(payments.EventClaimExpired, (*payments.Service).OnClaimExpired, func(e payments.ClaimExpired) payments.EventMeta { return e.EventMeta }),
}

func TestEveryMomentHasItsHook(t *testing.T) {
	t.Parallel()
	for _, m := range moments {
		t.Run(string(m.kind), func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			require.Panics(t, func() { m.refuse(s.pay) }, "no function")
			require.Panics(t, func() { m.register(s.pay, "Bad name", func(payments.EventMeta) {}) })
			var heard []payments.EventMeta
			m.register(s.pay, "ok", func(e payments.EventMeta) { heard = append(heard, e) })
			require.Panics(t, func() { m.register(s.pay, "ok", func(payments.EventMeta) {}) }, "the same name and kind twice")

			p := s.mug(ana)
			for _, other := range moments {
				s.emit(p, event{kind: other.kind})
			}
			s.drain()
			var want []payments.ID
			for _, e := range s.events(p) {
				if e.Kind == m.kind {
					want = append(want, e.ID)
				}
			}
			var got []payments.ID
			for _, e := range heard {
				got = append(got, e.EventID)
				require.Equal(t, p.ID, e.Order.ID)
				require.Equal(t, start, e.At)
				require.Equal(t, payments.StatusCreated, e.Now.Status)
			}
			require.Equal(t, want, got, "its own kind, and no other")
		})
	}
}

func TestOnEventIsCalledForEveryKind(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	require.Panics(t, func() { s.pay.OnEvent("all", nil) })
	require.Panics(t, func() { s.pay.OnEvent("", nothing) })
	var all, rest []payments.EventKind
	s.pay.OnEvent("all", func(_ context.Context, e payments.Event) error { all = append(all, e.Kind); return nil })
	s.pay.OnEvent("split", func(_ context.Context, e payments.Event) error { rest = append(rest, e.Kind); return nil })
	own := 0
	s.pay.OnSettled("split", func(context.Context, payments.Settled) error { own++; return nil })
	p := s.mug(ana)
	for _, m := range moments[1:] {
		s.emit(p, event{kind: m.kind})
	}
	s.drain()
	require.Len(t, all, len(moments))
	require.Len(t, rest, len(moments)-1, "a function for the kind itself goes first")
	require.NotContains(t, rest, payments.EventSettled)
	require.Equal(t, 1, own)
}

func TestAHookGetsTheEventAndWhatItIsAbout(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	var got []payments.Event
	s.pay.OnEvent("all", func(_ context.Context, e payments.Event) error { got = append(got, e); return nil })
	p, err := s.pay.Create(t.Context(), payments.CreateParams{
		User: budi, Items: []payments.Pick{{ID: "mug", Quantity: 2}}, Reference: "order-7", Metadata: map[string]string{"gift": "yes"},
	})
	require.NoError(t, err)
	s.drain()
	require.Len(t, got, 1)
	e := got[0]
	require.Equal(t, payments.EventID(p.ID, 1), e.ID)
	require.Equal(t, p.ID, e.PaymentID)
	require.Equal(t, payments.EventCreated, e.Kind)
	require.Equal(t, 1, e.Seq)
	require.Equal(t, start, e.At)
	require.Equal(t, p.Order, e.Order)
	require.Equal(t, p.Totals, e.Now)
	require.True(t, json.Valid(e.Data))
	require.NotContains(t, string(e.Data), "budi", "events hold nothing of the payer")
}
