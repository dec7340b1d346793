package main

import (
	"context"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// What the hand-written contenders have in common: everything but the
// database. They are what a good engineer writes in an afternoon, in one
// transaction per notification, and no more: no inbox, no outbox, no facts.

// notice is the part of a notification that is looked at.
type notice struct {
	OrderID           string `json:"order_id"`
	StatusCode        string `json:"status_code"`
	GrossAmount       string `json:"gross_amount"`
	SignatureKey      string `json:"signature_key"`
	TransactionID     string `json:"transaction_id"`
	TransactionStatus string `json:"transaction_status"`
	FraudStatus       string `json:"fraud_status"`
}

// settled reports whether the notice tells that the money is there.
func (n notice) settled() bool {
	return n.TransactionStatus == "settlement" || n.TransactionStatus == "capture" && n.FraudStatus == "accept"
}

// amount is in rupiah, which have no smaller part.
func (n notice) amount() (int64, error) {
	return strconv.ParseInt(strings.TrimSuffix(n.GrossAmount, ".00"), 10, 64)
}

func (n notice) genuine() bool {
	sum := sha512.Sum512([]byte(n.OrderID + n.StatusCode + n.GrossAmount + serverKey))
	given, err := hex.DecodeString(n.SignatureKey)
	return err == nil && subtle.ConstantTimeCompare(sum[:], given) == 1
}

var errNoOrder = errors.New("no such order")

// The statuses of hand-written payments.
const (
	handPending = "pending"
	handSettled = "settled"
	handExpired = "expired"
	handReview  = "review"
)

// step is the status that a notice brings a payment of the due amount to, or
// nothing: a repeat changes nothing, and no late news takes a settlement back.
func (n notice) step(status string, due int64) (string, error) {
	switch {
	case n.settled() && (status == handPending || status == handExpired):
		amount, err := n.amount()
		if err != nil {
			return "", fmt.Errorf("read amount: %w", err)
		}
		if amount != due {
			return handReview, nil
		}
		return handSettled, nil
	case n.TransactionStatus == "expire" && status == handPending:
		return handExpired, nil
	}
	return "", nil
}

// maxNotification is how many bytes of a notification are read.
const maxNotification = 64 << 10

// storeFunc makes durable what a notice tells, in one transaction.
type storeFunc func(ctx context.Context, n notice) error

func handHandler(store storeFunc) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+notificationPath, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxNotification))
		if err != nil {
			http.Error(w, "unreadable", http.StatusBadRequest)
			return
		}
		var n notice
		if json.Unmarshal(body, &n) != nil {
			http.Error(w, "malformed", http.StatusBadRequest)
			return
		}
		if !n.genuine() {
			http.Error(w, "forged", http.StatusForbidden)
			return
		}
		err = store(r.Context(), n)
		switch {
		case errors.Is(err, errNoOrder):
			http.Error(w, "no such order", http.StatusNotFound)
		case err != nil:
			slog.ErrorContext(r.Context(), "notification could not be stored", "error", err)
			http.Error(w, "try again", http.StatusServiceUnavailable)
		default:
			w.WriteHeader(http.StatusOK)
		}
	})
	return mux
}

// handOrder is a payment that waits for its money.
type handOrder struct{ id, ref, user string }

// handOrders makes n of them. Like Lunas's, ids and references grow with
// time, so that no contender has the better index pages.
func handOrders(n int) []handOrder {
	orders := make([]handOrder, n)
	for i := range orders {
		orders[i] = handOrder{
			id: uuid.Must(uuid.NewV7()).String(), ref: uuid.Must(uuid.NewV7()).String(), user: buyer(i),
		}
	}
	return orders
}

func references(orders []handOrder) []string {
	refs := make([]string, len(orders))
	for i, o := range orders {
		refs[i] = o.ref
	}
	return refs
}

// handAudit reads the tables of all hand-written contenders, which have the
// same names. An expire that overtakes the settlement leaves an event.
func handAudit(hostile bool) audit {
	expired := 0
	if hostile {
		expired = 1
	}
	return audit{
		"payments": {
			query:  "SELECT order_id, status, 1 FROM hand_payment",
			paid:   expected{exactly: map[string]int{handSettled: 1}},
			review: expected{exactly: map[string]int{handReview: 1}},
			open:   expected{exactly: map[string]int{handPending: 1}},
		},
		"events": {
			query:  "SELECT p.order_id, e.kind, count(*) FROM hand_event e LEFT JOIN hand_payment p ON p.id = e.payment_id GROUP BY p.order_id, e.kind",
			paid:   expected{exactly: map[string]int{handSettled: 1}, others: expired},
			review: expected{exactly: map[string]int{handReview: 1}},
		},
	}
}
