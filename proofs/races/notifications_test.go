package races

import (
	"context"
	"net/http"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
)

// copies: all are answered 200, once they are durable; the gateway is asked
// at least once; one event says that it is settled.
func copies(r *round) string {
	n := 64
	if r.dealt {
		n = 16
	}
	p, _, settlement := r.paid()
	answers := make([]answer, n)
	r.race(several(n, func(ctx context.Context, i int) {
		answers[i] = r.notify(ctx, i, settlement)
		if now, err := r.shop(i).pay.Get(ctx, p.ID); err != nil || now.Status != payments.StatusSettled {
			r.wrong("answered %d, and then the payment is %v (%v)", answers[i].code, now, err)
		}
	})...)
	asked := r.asked.Load()
	r.accepted(answers...)
	applied := 0
	for _, a := range answers {
		if a.verdict() == payments.VerdictApplied {
			applied++
		}
	}
	if applied == 0 || asked == 0 {
		r.wrong("%d copies were applied after %d look-ups", applied, asked)
	}
	r.quiet(p.ID)
	r.require(r.books(p.ID), payments.StatusSettled)
	if asked == 1 {
		return "settled once, asked once"
	}
	return "settled once, asked more often"
}

// accepted: the gateway need not send any of them again.
func (r *round) accepted(answers ...answer) {
	for _, a := range answers {
		if a.code != http.StatusOK {
			r.wrong("a notification was answered %d %s", a.code, a.body)
		}
	}
}

// lookUps: whoever is first tells of the settlement, and nobody else.
func lookUps(r *round) string {
	p, pending, settlement := r.paid()
	var first, second answer
	sync := func(process int) func(context.Context) {
		return func(ctx context.Context) {
			if now, err := r.shop(process).pay.Sync(ctx, p.ID); err != nil || now.Status != payments.StatusSettled {
				r.wrong("Sync: %v", err)
			}
		}
	}
	r.race(
		func(ctx context.Context) { first = r.notify(ctx, 0, pending) },
		func(ctx context.Context) { second = r.notify(ctx, 1, settlement) },
		sync(0), sync(1),
		func(ctx context.Context) {
			header := http.Header{"X-User": {p.User.ID}}
			if a := r.send(ctx, 1, http.MethodGet, "/return/"+string(p.ID), header, nil); a.code != http.StatusSeeOther {
				r.wrong("the payer who came back was answered %d %s", a.code, a.body)
			}
		},
	)
	r.accepted(first, second)
	r.quiet(p.ID)
	r.require(r.books(p.ID), payments.StatusSettled)
	if second.verdict() == payments.VerdictApplied {
		return "settled once, told by the notification"
	}
	return "settled once, known by then"
}

// refundNotified: all that the gateway has to tell of an order that was paid
// and refunded comes at once, each twice.
func refundNotified(r *round) string {
	p, pending, settlement := r.paid()
	require.NoError(r.t, r.sim.RefundFromDashboard(string(p.ID), 0))
	refund := r.mail(p.ID)
	require.Len(r.t, refund, 1)
	all := slices.Repeat([]simkit.Sent{pending, settlement, refund[0]}, 2)
	answers := make([]answer, len(all))
	r.race(several(len(all), func(ctx context.Context, i int) {
		answers[i] = r.notify(ctx, i/3, all[i])
	})...)
	r.accepted(answers...)
	r.quiet(p.ID)
	b := r.books(p.ID)
	r.require(b, payments.StatusRefunded)
	settled := slices.IndexFunc(b.events, func(e payments.Event) bool { return e.Kind == payments.EventSettled })
	refunded := slices.IndexFunc(b.events, func(e payments.Event) bool { return e.Kind == payments.EventRefunded })
	if settled < 0 || refunded < settled {
		r.wrong("money went back before it came in")
	}
	return "settled, then refunded"
}
