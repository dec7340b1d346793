package gormstore

import (
	"context"
	"fmt"

	"github.com/lunaspay/lunas/payments"
)

// verdictIndex leaves out what is no notification.
var verdictIndex = partialIndex{name: "lunas_message_verdict", column: "verdict", without: ""}

// Messages implements payments.PaymentStore.
func (s *Store) Messages(ctx context.Context, q payments.MessageQuery) (payments.Page[payments.Message], error) {
	index := "PRIMARY"
	switch {
	case q.ID != "":
	case q.PaymentID != "":
		index = "lunas_message_payment"
	case q.Ref != "":
		index = "lunas_message_ref"
	case len(q.Verdict) > 0:
		index = verdictIndex.name
	}
	base := func() *selection {
		sel := selectFrom("SELECT " + messageColumns + " FROM lunas_message" + s.dialect.by(index))
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
	statement, args := ordered("id", pageRows(q.Limit), split(base, verdictIndex, q.Verdict, index == verdictIndex.name)...)
	messages, err := query(ctx, s.reader(), scanMessage, statement, args...)
	if err != nil {
		return payments.Page[payments.Message]{}, fmt.Errorf("list messages: %w", err)
	}
	return page(q.Limit, messages, func(m payments.Message) string { return string(m.ID) }), nil
}
