package reorder

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// mutant is a gateway whose notifications are read in a way that depends on
// what came before: what a careless program does.
type mutant struct {
	payments.Gateway
	read   func(seen []payments.FactKind, n payments.Notification) (payments.Notification, error)
	before []payments.FactKind
}

func (g *mutant) ReadNotification(raw payments.RawNotification) (payments.Notification, error) {
	n, err := g.Gateway.ReadNotification(raw)
	if err != nil {
		return n, err
	}
	n, err = g.read(g.before, n)
	for _, f := range n.Facts {
		g.before = append(g.before, f.Kind)
	}
	return n, err
}

// TestAnOrderThatMattersIsFound: the matrix would notice, and says in which
// order.
func TestAnOrderThatMattersIsFound(t *testing.T) {
	t.Parallel()
	whole := plan{whole: true, repeated: 50, seed: 1}
	sample := func(p *pen, want end) sequence {
		c := &collection{t: t}
		c.written(want, p)
		return c.all[0]
	}
	late := sample(write(akulaku).pending().over("expire").settlement(), paid)
	returned := sample(write(akulaku).pending().settlement().refund(30_000), partly(30_000))
	for _, c := range []struct {
		name, complaint string
		sequence        sequence
		read            func(seen []payments.FactKind, n payments.Notification) (payments.Notification, error)
	}{
		{
			name: "what has expired stays so", complaint: "the end is", sequence: late,
			read: func(seen []payments.FactKind, n payments.Notification) (payments.Notification, error) {
				if slices.Contains(seen, payments.FactExpired) && slices.Contains(seen, payments.FactPending) {
					n.Facts = []payments.Fact{{Kind: payments.FactPending}}
				}
				return n, nil
			},
		},
		{
			name: "a repeated refund is another one", complaint: "the end is", sequence: returned,
			read: func(seen []payments.FactKind, n payments.Notification) (payments.Notification, error) {
				for i := range n.Facts {
					if n.Facts[i].Kind == payments.FactRefund {
						n.Facts[i].ID = fmt.Sprint(len(seen))
						n.Facts[i].Key = fmt.Sprint(len(seen))
					}
				}
				return n, nil
			},
		},
		{
			name: "what comes late is refused", complaint: "was answered with 400", sequence: late,
			read: func(seen []payments.FactKind, n payments.Notification) (payments.Notification, error) {
				if slices.Contains(seen, payments.FactPaid) && slices.Contains(seen, payments.FactPending) {
					return n, payments.ErrMalformed
				}
				return n, nil
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := c.sequence.try(believing, whole, nil)
			require.NoError(t, err, "as it is")
			_, err = c.sequence.try(believing, whole, func(g payments.Gateway) payments.Gateway { return &mutant{Gateway: g, read: c.read} })
			require.ErrorContains(t, err, c.complaint)
			t.Log(err)
		})
	}
}

// TestBooksFindWhatIsToldWrong: the promises about events are checked apart
// from the payment's own sums.
func TestBooksFindWhatIsToldWrong(t *testing.T) {
	t.Parallel()
	money := payments.IDR(ordered)
	part := func(amount, total int64, full bool) payments.Refunded {
		return payments.Refunded{Amount: payments.IDR(amount), Total: payments.IDR(total), Full: full}
	}
	for name, hear := range map[string]func(*books) error{
		"money in twice": func(b *books) error {
			require.NoError(t, b.paid("1", money, payments.Totals{}, nil))
			return b.paid("1", money, payments.Totals{}, nil)
		},
		"back before it came in": func(b *books) error { return b.refunded(b.of("1"), part(1, 1, false)) },
		"a slice left out":       func(b *books) error { return b.refunded(&told{in: ordered}, part(10, 20, false)) },
		"a slice told twice":     func(b *books) error { return b.refunded(&told{in: ordered, out: 10}, part(10, 10, false)) },
		"not all, yet full":      func(b *books) error { return b.refunded(&told{in: ordered}, part(10, 10, true)) },
		"all, yet not full":      func(b *books) error { return b.refunded(&told{in: 10}, part(10, 10, false)) },
		"less told than stored": func(b *books) error {
			return b.close(&payments.Payment{Totals: payments.Totals{In: money}})
		},
	} {
		require.Error(t, hear(&books{attempts: map[string]*told{}, lives: map[string]bool{}}), name)
	}
}
