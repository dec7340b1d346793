package gormstore

import (
	"context"
	"fmt"

	"github.com/lunaspay/lunas/payments"
)

// Messages implements payments.PaymentStore.
func (s *Store) Messages(ctx context.Context, q payments.MessageQuery) (payments.Page[payments.Message], error) {
	base := func() *selection {
		sel := selectFrom("SELECT " + messageColumns + " FROM lunas_message")
		if q.ID != "" {
			sel.where("id = ?", string(q.ID))
		}
		if q.PaymentID != "" {
			sel.where("payment_id = ? AND payment_id <> ''", string(q.PaymentID))
		}
		if q.Gateway != "" {
			sel.where("gateway = ?", q.Gateway)
		}
		if q.Ref != "" {
			sel.where("ref = ? AND ref <> ''", q.Ref)
		}
		return sel.where("id > ?", q.Cursor)
	}
	few := q.ID != "" || q.PaymentID != "" || q.Ref != ""
	statement, args := ordered("id", pageRows(q.Limit), split(base, "verdict", q.Verdict, !few)...)
	messages, err := query(ctx, s.reader(), scanMessage, statement, args...)
	if err != nil {
		return payments.Page[payments.Message]{}, fmt.Errorf("list messages: %w", err)
	}
	return page(q.Limit, messages, func(m payments.Message) string { return string(m.ID) }), nil
}
