package payments_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// meddler is a store in which somebody else comes first.
type meddler struct {
	payments.Store
	first func()
}

func (m *meddler) Update(ctx context.Context, ref payments.Ref, fn payments.UpdateFunc) (*payments.Payment, error) {
	if first := m.first; first != nil {
		m.first = nil
		first()
	}
	return m.Store.Update(ctx, ref, fn)
}

// Two operators decide about one delivery at once. The one who came too late
// is told so, and not that it was done.
func TestOfTwoOperatorsWhoDecideAtOnceOneIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		first, second func(*shop, payments.ID) error
		state         payments.DeliveryState
		refused       bool
	}{
		"dismissed, then redelivered": {dismiss, redeliver, payments.DeliveryDismissed, true},
		"redelivered, then dismissed": {redeliver, dismiss, payments.DeliveryOpen, true},
		"both dismissed":              {dismiss, dismiss, payments.DeliveryDismissed, false},
		"both redelivered":            {redeliver, redeliver, payments.DeliveryOpen, false},
	} {
		var store *meddler
		s := newShop(t, func(c *payments.Config) {
			store = &meddler{Store: c.Store}
			c.Store, c.Hooks.MaxTries = store, 1
		})
		s.pay.OnCreated("mail", func(context.Context, payments.Created) error { return errOut })
		p := s.mug(ana)
		s.drain()
		id := payments.DeliveryID(payments.EventID(p.ID, 1), "hook:mail")
		store.first = func() { require.NoError(t, c.first(s, id)) }
		err := c.second(s, id)
		if c.refused {
			require.ErrorIs(t, err, payments.ErrWrongState, name)
		} else {
			require.NoError(t, err, name)
		}
		require.Equal(t, c.state, s.delivery(p, 1, "mail").State, name)
	}
}

func dismiss(s *shop, id payments.ID) error   { return s.pay.Dismiss(s.t.Context(), id, "no") }
func redeliver(s *shop, id payments.ID) error { return s.pay.Redeliver(s.t.Context(), id) }
