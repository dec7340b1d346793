package reorder

import (
	"bytes"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
)

const (
	serverKey = "SB-Mid-server-reorder"
	// orderID stands in recorded bodies for the order's id, which is another
	// one in each run.
	orderID = "ORDER-OF-THE-RECORD"
	// toBeSigned stands where the signature belongs.
	toBeSigned = "SIGNATURE-OF-THE-RECORD"
	ordered    = 100_000
	gross      = "100000.00"
)

type body = map[string]any

// message is a notification of a sequence, but for its order id.
type message struct {
	word string // for people: "settlement"
	body body
	raw  []byte
}

// about returns the body as a message. The order's id and the signature are
// filled in when it is sent.
func about(word string, b body) message {
	b = maps.Clone(b)
	if b["order_id"] == nil {
		b["order_id"] = orderID
	}
	b["signature_key"] = toBeSigned
	raw, err := json.Marshal(b)
	if err != nil {
		panic(fmt.Sprintf("reorder: encode %s: %v", word, err)) // it is text, lists and numbers of ours
	}
	return message{word: word, body: b, raw: raw}
}

// of is the message as it is sent about an order: signed.
func (m message) of(order string) []byte {
	sum := sha512.Sum512([]byte(order + m.text("status_code") + m.text("gross_amount") + serverKey))
	raw := bytes.ReplaceAll(m.raw, []byte(orderID), []byte(order))
	return bytes.Replace(raw, []byte(toBeSigned), []byte(hex.EncodeToString(sum[:])), 1)
}

func (m message) text(key string) string { s, _ := m.body[key].(string); return s }

func (m message) String() string { return m.word }

// with is the body with some keys set, and those of a nil value left out.
func with(b body, changes body) body {
	b = maps.Clone(b)
	for key, value := range changes {
		if value == nil {
			delete(b, key)
			continue
		}
		b[key] = value
	}
	return b
}

// named gives each body the word that people know it by: its status, the fraud
// check's word where that decides, and a number where there are several
// transactions.
func named(bodies []body) []message {
	numbers := map[string]int{}
	for _, b := range bodies {
		if id := b["transaction_id"].(string); numbers[id] == 0 {
			numbers[id] = len(numbers) + 1
		}
	}
	var messages []message
	for _, b := range bodies {
		word := strings.ToLower(b["transaction_status"].(string))
		fraud, _ := b["fraud_status"].(string)
		capture := word == "capture" || word == "authorize"
		if fraud == "challenge" || fraud == "deny" || capture && len(bodies) > 1 && hasChallenge(bodies) {
			word += "/" + fraud
		}
		if len(numbers) > 1 {
			word = fmt.Sprintf("%d %s", numbers[b["transaction_id"].(string)], word)
		}
		if isConfirmed(b) && strings.HasSuffix(word, "refund") {
			word += " (bank confirmed)"
		}
		messages = append(messages, about(word, b))
	}
	return messages
}

func hasChallenge(bodies []body) bool {
	for _, b := range bodies {
		if b["fraud_status"] == "challenge" {
			return true
		}
	}
	return false
}

// isConfirmed reports whether the body's last refund was confirmed by the
// bank: of each refund there are two notifications.
func isConfirmed(b body) bool {
	list, _ := b["refunds"].([]any)
	if len(list) == 0 {
		return false
	}
	entry, _ := list[len(list)-1].(map[string]any)
	return entry["bank_confirmed_at"] != nil
}
