package payments

import (
	"context"
	"errors"
)

// RefundOverpaid sends back by itself what is paid for an order that is paid
// for already: a hook of that name, see [Hook]. The refund's key is of the
// event, so it is sent once. Where the gateway knows no way back, the payment
// is marked for a person's attention: hand the money back, and RecordRefund.
func (s *Service) RefundOverpaid(name string) {
	s.OnOverpaid(name, func(ctx context.Context, e Overpaid) error {
		_, err := s.Refund(WithActor(ctx, "hook:"+name), e.Order.ID, RefundParams{
			Attempt: e.TransactionID, Gateway: e.Gateway, Reason: "paid twice", Key: "overpaid-" + string(e.EventID), surplus: true,
		})
		switch {
		case errors.Is(err, ErrWrongState): // somebody has sent it back already, or the other one
			return nil
		case errors.Is(err, ErrUnsupported):
			_, err = s.updateID(ctx, e.Order.ID, func(u *unit) error {
				u.p.note("paid twice: " + e.Gateway + " cannot send " + plain(e.TransactionID) + " back")
				return nil
			})
		}
		return err
	})
}
