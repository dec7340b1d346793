package payments

import "context"

// The hooks: what happens when. Each takes the hook's name, its lane: the
// functions that share a name see a payment's events in order. See [Hook] for
// what is promised. All panic where [Service.Register] returns an error.

// OnEvent is called for every kind of event.
func (s *Service) OnEvent(name string, f func(context.Context, Event) error) {
	if err := s.Register(Hook{Name: name, Handle: f}); err != nil {
		panic(err)
	}
}

// OnCreated is called when a payment was stored.
func (s *Service) OnCreated(name string, f func(context.Context, Created) error) {
	on(s, EventCreated, name, f)
}

// OnRouted is called when one of several gateways is chosen.
func (s *Service) OnRouted(name string, f func(context.Context, Routed) error) {
	on(s, EventRouted, name, f)
}

// OnPending is called when a payment waits for its payer, or for another attempt's.
func (s *Service) OnPending(name string, f func(context.Context, Pending) error) {
	on(s, EventPending, name, f)
}

// OnAuthorized is called when money was reserved.
func (s *Service) OnAuthorized(name string, f func(context.Context, Authorized) error) {
	on(s, EventAuthorized, name, f)
}

// OnChallenged is called when the gateway reviews a payment for fraud.
func (s *Service) OnChallenged(name string, f func(context.Context, Challenged) error) {
	on(s, EventChallenged, name, f)
}

// OnSettled is called when an order is paid: fulfil it.
func (s *Service) OnSettled(name string, f func(context.Context, Settled) error) {
	on(s, EventSettled, name, f)
}

// OnOverpaid is called when an order was paid once more: give the money back.
func (s *Service) OnOverpaid(name string, f func(context.Context, Overpaid) error) {
	on(s, EventOverpaid, name, f)
}

// OnFundsAvailable is called when the money is the merchant's to use.
func (s *Service) OnFundsAvailable(name string, f func(context.Context, FundsAvailable) error) {
	on(s, EventFundsAvailable, name, f)
}

// OnRefund is called when money went back to the payer, whoever sent it.
func (s *Service) OnRefund(name string, f func(context.Context, Refunded) error) {
	on(s, EventRefunded, name, f)
}

// OnRefundSucceeded is called when a refund that was asked for here was carried out.
func (s *Service) OnRefundSucceeded(name string, f func(context.Context, RefundSucceeded) error) {
	on(s, EventRefundSucceeded, name, f)
}

// OnRefundFailed is called when the gateway refused a refund.
func (s *Service) OnRefundFailed(name string, f func(context.Context, RefundFailed) error) {
	on(s, EventRefundFailed, name, f)
}

// OnChargedBack is called when the payer's bank took money back.
func (s *Service) OnChargedBack(name string, f func(context.Context, ChargedBack) error) {
	on(s, EventChargedBack, name, f)
}

// OnChargebackReversed is called when a dispute was won.
func (s *Service) OnChargebackReversed(name string, f func(context.Context, ChargebackReversed) error) {
	on(s, EventChargebackReversed, name, f)
}

// OnReview is called when a person has to decide.
func (s *Service) OnReview(name string, f func(context.Context, Review) error) {
	on(s, EventReview, name, f)
}

// OnDenied is called when a bank or gateway refused; the payer may try again.
func (s *Service) OnDenied(name string, f func(context.Context, Denied) error) {
	on(s, EventDenied, name, f)
}

// OnCanceled is called when a payment was canceled.
func (s *Service) OnCanceled(name string, f func(context.Context, Canceled) error) {
	on(s, EventCanceled, name, f)
}

// OnExpired is called when nobody paid in time: release the stock.
func (s *Service) OnExpired(name string, f func(context.Context, Expired) error) {
	on(s, EventExpired, name, f)
}

// OnLinkOverLimit is called when a link was paid more often than it was for.
func (s *Service) OnLinkOverLimit(name string, f func(context.Context, LinkOverLimit) error) {
	on(s, EventLinkOverLimit, name, f)
}

// OnRenewalDue is called when a user's next period is to be paid for.
func (s *Service) OnRenewalDue(name string, f func(context.Context, RenewalDue) error) {
	on(s, EventRenewalDue, name, f)
}

// OnRenewed is called when the next period was paid for.
func (s *Service) OnRenewed(name string, f func(context.Context, Renewed) error) {
	on(s, EventRenewed, name, f)
}

// OnRenewalFailed is called when the next period was not paid for.
func (s *Service) OnRenewalFailed(name string, f func(context.Context, RenewalFailed) error) {
	on(s, EventRenewalFailed, name, f)
}

// OnClaimGranted is called when a user's right to a plan begins.
func (s *Service) OnClaimGranted(name string, f func(context.Context, ClaimGranted) error) {
	on(s, EventClaimGranted, name, f)
}

// OnClaimExtended is called when a user's right to a plan goes on for longer.
func (s *Service) OnClaimExtended(name string, f func(context.Context, ClaimExtended) error) {
	on(s, EventClaimExtended, name, f)
}

// OnClaimRevoked is called when a payment no longer covers its part of a claim.
func (s *Service) OnClaimRevoked(name string, f func(context.Context, ClaimRevoked) error) {
	on(s, EventClaimRevoked, name, f)
}

// OnClaimExpired is called when a user's right to a plan has run out.
func (s *Service) OnClaimExpired(name string, f func(context.Context, ClaimExpired) error) {
	on(s, EventClaimExpired, name, f)
}
