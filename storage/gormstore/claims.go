package gormstore

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/lunaspay/lunas/payments"
)

// Claims implements payments.ClaimStore. They are listed by user and plan.
func (s *Store) Claims(ctx context.Context, q payments.ClaimQuery) (payments.Page[payments.Claim], error) {
	sel := selectFrom("SELECT user_id, plan_key, doc FROM lunas_claim").where("tenant = ?", q.Tenant)
	if q.UserID != "" {
		sel.where("user_id = ?", q.UserID)
	}
	if q.PlanKey != "" {
		sel.where("plan_key = ?", q.PlanKey)
	}
	if q.Cursor != "" {
		var last [2]string
		if json.Unmarshal([]byte(q.Cursor), &last) != nil {
			return payments.Page[payments.Claim]{}, badCursor(q.Cursor)
		}
		sel.where("user_id >= ? AND (user_id > ? OR plan_key > ?)", last[0], last[0], last[1])
	}
	statement, args := ordered("user_id, plan_key", pageRows(q.Limit), sel)
	claims, err := query(ctx, s.reader(), scanClaim, statement, args...)
	if err != nil {
		return payments.Page[payments.Claim]{}, fmt.Errorf("list claims: %w", err)
	}
	return page(q.Limit, claims, claimCursor), nil
}

func claimCursor(c payments.Claim) string {
	cursor, _ := json.Marshal([2]string{c.UserID, c.PlanKey}) // strings: cannot fail
	return string(cursor)
}
