package payments_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// The payer has chosen a way to pay, and its notification is still on its way
// when the host cancels. That is not too late: it is ended, too.
func TestACancelationMeetsWhatThePayerHasJustBegun(t *testing.T) {
	t.Parallel()
	type ending func(context.Context, payments.ID, string) (*payments.Payment, error)
	for want, end := range map[payments.Status]func(*shop) ending{
		payments.StatusCanceled: func(s *shop) ending { return s.pay.Cancel },
		payments.StatusExpired:  func(s *shop) ending { return s.pay.Expire },
	} {
		s := newShop(t)
		p := s.buy("ana", `{"items":[{"id":"mug","quantity":1}]}`)
		pages := 0
		s.fake.cancel = func(a payments.AttemptRef) error {
			if a.TransactionID != "" {
				s.fake.set(a.Ref, a.TransactionID, "cancel", 85_000)
				return nil
			}
			if pages++; pages == 1 {
				s.fake.set(a.Ref, "tx1", "pending", 85_000)
				return payments.ErrWrongState
			}
			return nil
		}
		got, err := end(s)(t.Context(), p.ID, "")
		require.NoError(t, err)
		require.Equal(t, want, got.Status)
		require.Equal(t, 2, pages, "the page is closed behind what was begun on it")
	}
}

// Nobody chases a payer who begins again as often as he is ended.
func TestACancelationGivesUpOnAPayerWhoBeginsAgain(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"items":[{"id":"mug","quantity":1}]}`)
	begun := 0
	s.fake.cancel = func(a payments.AttemptRef) error {
		if a.TransactionID != "" {
			s.fake.set(a.Ref, a.TransactionID, "cancel", 85_000)
			return nil
		}
		begun++
		s.fake.set(a.Ref, fmt.Sprint("tx", begun), "pending", 85_000)
		return payments.ErrWrongState
	}
	_, err := s.pay.Cancel(t.Context(), p.ID, "")
	require.ErrorIs(t, err, payments.ErrWrongState)
	require.Equal(t, 3, begun)
	s.status(p, payments.StatusPending)
}
