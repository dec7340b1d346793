package midtranstest

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
)

// body is a subscription as answers and notifications tell it. They write
// times differently.
func (sub *subscription) body(layout string, zone *time.Location) map[string]any {
	at := func(t time.Time) string { return t.In(zone).Format(layout) }
	c := sub.Schedule
	schedule := map[string]any{
		"interval": c.Interval, "interval_unit": c.Unit, "current_interval": c.Current, "start_time": at(c.StartAt),
	}
	if c.Max != nil {
		schedule["max_interval"] = *c.Max
	}
	if !c.PreviousAt.IsZero() {
		schedule["previous_execution_at"] = at(c.PreviousAt)
	}
	if !c.NextAt.IsZero() {
		schedule["next_execution_at"] = at(c.NextAt)
	}
	body := map[string]any{
		"id": sub.ID, "name": sub.Name, "amount": strconv.FormatInt(sub.Amount, 10), "currency": "IDR", "created_at": at(sub.CreatedAt),
		"schedule": schedule, "status": sub.status(), "token": sub.Token, "payment_type": sub.PaymentType,
		"transaction_ids": list(sub.Transactions), "metadata": orEmpty(sub.Metadata), "customer_details": orEmpty(sub.Customer),
	}
	if r := sub.Retry; r != nil {
		body["retry_schedule"] = map[string]any{"interval": r.Interval, "interval_unit": r.Unit, "max_interval": r.Max}
	}
	if sub.PaymentType == "gopay" {
		body["gopay"] = map[string]any{"account_id": sub.AccountID}
	}
	return body
}

func (sub *subscription) status() string {
	if sub.Active {
		return "active"
	}
	return "inactive"
}

func orEmpty(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("{}")
	}
	return raw
}

// told is the subscription as notifications tell it.
func (sub *subscription) told() map[string]any {
	body := sub.body(microsLayout, time.UTC)
	for _, key := range []string{"created_at", "transaction_ids", "retry_schedule"} {
		delete(body, key)
	}
	if c, ok := body["schedule"].(map[string]any); ok {
		delete(c, "max_interval")
		delete(c, "previous_execution_at")
	}
	body["merchant_id"] = merchantID
	return body
}

// tellSubscription puts a recurring notification into the queue. It has no
// signature.
func (s *Server) tellSubscription(sub *subscription, word string, at time.Time, body map[string]any) {
	s.tell(s.recurringURL, simkit.Sent{Ref: sub.Name, Word: word, Body: encode(body), Due: at})
}

// tellCharge is the notification of a charge, or of one that could not be
// made.
func (s *Server) tellCharge(sub *subscription, t *Transaction, f failure, at time.Time) {
	transaction := map[string]any{"status_code": f.code, "status_message": f.message}
	if t != nil {
		transaction = map[string]any{"transaction_status": t.Status, "transaction_id": t.ID, "status_code": noticeCode(t)}
		for _, key := range []string{"channel_response_code", "channel_response_message"} {
			if value := text(t.Keys, key); value != "" {
				transaction[key] = value
			}
		}
		if transaction["channel_response_code"] == "00" { // here it is shorter
			transaction["channel_response_code"] = "0"
		}
	}
	s.tellSubscription(sub, "subscription.charge", at, map[string]any{
		"event_name": "subscription.charge", "transaction": transaction, "subscription": sub.told(),
	})
}

// misnamed is the body of a recurring notification about what does not exist:
// it has no signature that could be wrong.
func misnamed(body map[string]any, id func() string) {
	for _, key := range []string{"id", "transaction_id"} {
		if body[key] != nil {
			body[key] = id()
		}
	}
	for _, key := range []string{"subscription", "transaction"} {
		if part, ok := body[key].(map[string]any); ok {
			misnamed(part, id)
		}
	}
}
