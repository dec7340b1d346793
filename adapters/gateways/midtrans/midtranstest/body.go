package midtranstest

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
)

// merchantID is that of the simulated account.
const merchantID = "G000000001"

// body is a transaction as notifications and look-ups tell it, without a
// signature. The keys are exactly those that Midtrans sends for the method.
func (s *Server) body(t *Transaction, code, message string) map[string]any {
	body := s.base(t, code, message)
	maps.Copy(body, t.Keys)
	if t.Channel != "credit_card" && !t.ExpiresAt.IsZero() {
		body["expiry_time"] = wibTime(t.ExpiresAt)
	}
	if !t.SettledAt.IsZero() {
		body["settlement_time"] = wibTime(t.SettledAt)
	}
	page := s.state.pages[t.Token]
	if page.link != nil {
		body["payment_link_id"] = page.link.ID
	}
	request := page.parsed
	for key, value := range map[string]string{
		"custom_field1": request.CustomField1, "custom_field2": request.CustomField2, "custom_field3": request.CustomField3,
	} {
		if value != "" {
			body[key] = value
		}
	}
	if len(request.Metadata) > 0 && string(request.Metadata) != "null" {
		body["metadata"] = request.Metadata
	}
	if len(t.Refunds) > 0 {
		body["refund_amount"] = decimal(t.Refunded())
		body["refund_key"] = t.Refunds[len(t.Refunds)-1].Key
		body["refunds"] = refundList(t)
	}
	return body
}

// base are the keys that each body about a transaction has.
func (s *Server) base(t *Transaction, code, message string) map[string]any {
	body := map[string]any{
		"transaction_time": wibTime(t.CreatedAt), "transaction_status": t.Status, "transaction_id": t.ID,
		"status_message": message, "status_code": code, "payment_type": t.PaymentType, "order_id": t.OrderID,
		"merchant_id": merchantID, "gross_amount": t.Gross, "currency": t.Currency,
	}
	if !channelNamed(t.Channel).noFraud {
		body["fraud_status"] = t.Fraud
	}
	return body
}

func refundList(t *Transaction) []any {
	var list []any
	for _, r := range t.Refunds {
		entry := map[string]any{
			"refund_chargeback_id": r.ID, "refund_chargeback_uuid": r.UUID, "refund_amount": decimal(r.Amount),
			"created_at": wibTime(r.CreatedAt), "refund_key": r.Key, "refund_method": r.Method,
		}
		if r.Reason != "" {
			entry["reason"] = r.Reason
		}
		if !r.ConfirmedAt.IsZero() {
			entry["bank_confirmed_at"] = wibTime(r.ConfirmedAt)
		}
		list = append(list, entry)
	}
	return list
}

// sign adds the signature of a body by its own status_code.
func sign(body map[string]any, serverKey string) {
	body["signature_key"] = signature(
		body["order_id"].(string), body["status_code"].(string), body["gross_amount"].(string), serverKey)
}

// forged is a notification signed with a key that is not the merchant's, or
// one of a subscription, which has no signature, about what does not exist.
func forged(sent simkit.Sent) simkit.Sent {
	var body map[string]any
	if json.Unmarshal(sent.Body, &body) != nil { // it is our own JSON
		return sent
	}
	const wrongKey = "SB-Mid-server-somebody-else"
	switch {
	case body["order_id"] != nil:
		sign(body, wrongKey)
	case body["account_id"] != nil:
		signAccount(body, wrongKey)
	default:
		misnamed(body, uuid.NewString)
	}
	sent.Body = encode(body)
	return sent
}

// encode writes a body as Midtrans does: keys in reverse order.
func encode(body map[string]any) []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, key := range slices.Backward(slices.Sorted(maps.Keys(body))) {
		name, _ := json.Marshal(key)
		value, err := json.Marshal(body[key])
		if err != nil { // only maps, lists, text and numbers of ours go in
			panic("midtranstest: encode " + key + ": " + err.Error())
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
		if i > 0 {
			b.WriteByte(',')
		}
	}
	b.WriteByte('}')
	return b.Bytes()
}
