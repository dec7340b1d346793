package races

import (
	"context"
	"errors"
	"fmt"

	"github.com/lunaspay/lunas/payments"
)

// refund asks for rupiah to be sent back; 0 is all that is left.
func (r *round) refund(ctx context.Context, process int, id payments.ID, key string, rupiah int64) (*payments.Refund, error) {
	params := payments.RefundParams{Key: key}
	if rupiah > 0 {
		params.Amount = payments.IDR(rupiah)
	}
	return r.shop(process).pay.Refund(ctx, id, params)
}

// tooMuch reports whether a refund was refused here, for there is less left.
func tooMuch(err error) bool {
	invalid := (*payments.InvalidError)(nil)
	return errors.As(err, &invalid) || errors.Is(err, payments.ErrWrongState)
}

// refundAndSettlement: money that nobody here has heard of cannot be sent
// back; what was refused may be asked for again.
func refundAndSettlement(r *round) string {
	p, _, settlement := r.paid()
	var told answer
	var err error
	r.race(
		func(ctx context.Context) { told = r.notify(ctx, 0, settlement) },
		func(ctx context.Context) { _, err = r.refund(ctx, 1, p.ID, "r1", 0) },
	)
	r.accepted(told)
	end := "refunded at once"
	switch {
	case errors.Is(err, payments.ErrWrongState):
		end = "refused, as nothing was paid yet"
	case err != nil:
		r.wrong("refund: %v", err)
	}
	if _, err := r.refund(r.ctx, 0, p.ID, "r1", 0); err != nil {
		r.wrong("the same refund again: %v", err)
	}
	r.quiet(p.ID)
	r.require(r.books(p.ID), payments.StatusRefunded)
	return end
}

// onlyOne: of two refunds one was made, and the other is refused as allowed.
func (r *round) onlyOne(errs [2]error, refusal func(error) bool) (paid string) {
	switch {
	case errs[0] == nil && refusal(errs[1]):
		return "first"
	case errs[1] == nil && refusal(errs[0]):
		return "second"
	}
	r.wrong("the refunds: %v", errs)
	return "neither"
}

func twoRefunds(r *round) string {
	p := r.settled()
	var errs [2]error
	r.race(several(2, func(ctx context.Context, i int) {
		_, errs[i] = r.refund(ctx, i, p.ID, fmt.Sprintf("r%d", i), []int64{60_000, 30_000}[i])
	})...)
	r.quiet(p.ID)
	b := r.books(p.ID)
	r.require(b, payments.StatusPartiallyRefunded)
	if n := len(b.Refunds()); n != 1 {
		r.wrong("%d refunds are written down", n)
	}
	return fmt.Sprintf("the %s was paid", r.onlyOne(errs, tooMuch))
}

// dashboardRefund: here nobody knows of the one in the dashboard, so it is the
// gateway that refuses ours.
func dashboardRefund(r *round) string {
	p := r.settled()
	var errs [2]error
	r.race(
		func(ctx context.Context) { _, errs[0] = r.refund(ctx, 0, p.ID, "r1", 60_000) },
		func(ctx context.Context) {
			step(ctx)
			errs[1] = r.sim.RefundFromDashboard(string(p.ID), 30_000)
			for _, sent := range r.mail(p.ID) {
				r.accepted(r.notify(ctx, 1, sent))
			}
		},
	)
	r.quiet(p.ID)
	b := r.books(p.ID)
	r.require(b, payments.StatusPartiallyRefunded)
	if errs[0] == nil {
		if errs[1] == nil {
			r.wrong("both were paid")
		}
		return "ours was paid"
	}
	refused := (*payments.GatewayError)(nil)
	if errs[1] != nil || !errors.As(errs[0], &refused) && !tooMuch(errs[0]) {
		r.wrong("the refunds: %v", errs)
	}
	for _, refund := range b.Refunds() {
		if refund.State != payments.RefundRefused {
			r.wrong("the refund that was refused is %s", refund.State)
		}
	}
	return "the dashboard's was paid"
}

func oneRefundKey(r *round) string {
	p := r.settled()
	r.race(several(8, func(ctx context.Context, i int) {
		refund, err := r.refund(ctx, i, p.ID, "r1", 60_000)
		if err != nil || refund.State != payments.RefundDone {
			r.wrong("refund: %v", err)
		}
	})...)
	r.quiet(p.ID)
	b := r.books(p.ID)
	r.require(b, payments.StatusPartiallyRefunded)
	if n := len(b.order.Transactions[0].Refunds); n != 1 {
		r.wrong("the gateway made %d refunds", n)
	}
	return "one refund, all succeed"
}

func reusedRefundKey(r *round) string {
	p := r.settled()
	var errs [2]error
	r.race(several(2, func(ctx context.Context, i int) {
		_, errs[i] = r.refund(ctx, i, p.ID, "r1", []int64{30_000, 20_000}[i])
	})...)
	r.quiet(p.ID)
	r.require(r.books(p.ID), payments.StatusPartiallyRefunded)
	return fmt.Sprintf("the %s was paid, the other refused",
		r.onlyOne(errs, func(err error) bool { return errors.Is(err, payments.ErrKeyReused) }))
}
