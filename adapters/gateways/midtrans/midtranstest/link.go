package midtranstest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
)

// link is a payment link. Each payer's try is an [Order] of its own.
type link struct {
	Number  int64  `json:"number"` // the id that a look-up shows
	OrderID string `json:"order_id"`
	// ID is the payment_link_id, the last part of its URL.
	ID        string          `json:"payment_link_id"`
	Request   json.RawMessage `json:"request"`
	CreatedAt time.Time       `json:"created_at"`
	DeletedAt time.Time       `json:"deleted_at,omitzero"`

	parsed linkRequest
	tries  []*Order
}

// usage is how much of the link is taken: each try that is pending or paid
// takes one, except that of the order id but.
func (l *link) usage(but string) int64 {
	var n int64
	for _, o := range l.tries {
		if o.ID != but && o.taken() != nil {
			n++
		}
	}
	return n
}

// closed says why nobody can begin to pay, or "". The try but takes no use
// from itself.
func (l *link) closed(but string, now time.Time) string {
	starts, ends := l.parsed.span(l.CreatedAt)
	switch {
	case !l.DeletedAt.IsZero():
		return "deleted"
	case now.Before(starts):
		return "not open yet"
	case !ends.IsZero() && !now.Before(ends):
		return "expired"
	case l.usage(but) >= l.parsed.limit():
		return "used up"
	}
	return ""
}

// linkCall is a call about payment links, in Snap's form of errors. [Server.Fail]
// knows them as "create_link", "get_link" and "delete_link".
func (s *Server) linkCall(op, method string, h func(*http.Request, []byte) reply) http.HandlerFunc {
	fail := func(k simkit.Kind) reply {
		switch {
		case k == simkit.Throttled:
			return throttled
		case k == simkit.Refused && op == "create_link":
			return snapError(http.StatusBadRequest, "Invalid JSON data provided.")
		case k == simkit.Refused:
			return noLink()
		}
		return snapInternal
	}
	return s.call(op, method, fail, v1Unauthorized, snapError(http.StatusMethodNotAllowed, "HTTP method is not allowed"), h)
}

// v1Unauthorized has no list, unlike all others.
var v1Unauthorized = answer(http.StatusUnauthorized, map[string]any{"error_messages": "Access denied due to unauthorized request"})

// noLink is an answer whose words are not documented.
func noLink() reply { return snapError(http.StatusNotFound, "Payment Link not found") }

// createLink is POST /v1/payment-links.
func (s *Server) createLink(_ *http.Request, raw []byte) reply {
	request, problems := readLink(raw)
	if len(problems) > 0 {
		return snapError(http.StatusBadRequest, problems...)
	}
	id, linkID := request.TransactionDetails.OrderID, request.TransactionDetails.PaymentLinkID
	var out reply
	err := s.change(func(now time.Time) error {
		if linkID == "" {
			linkID = uuid.NewString()
		}
		switch {
		case s.state.links[id] != nil: // a deleted one, too: an id is used once
			out = snapError(http.StatusConflict, fmt.Sprintf("The Order ID '%s' has been taken", id))
			return nil
		case s.linkByID(linkID) != nil:
			out = snapError(http.StatusBadRequest, fmt.Sprintf("This Payment Link ID '%s' has been taken", linkID))
			return nil
		}
		l := &link{Number: s.next(), OrderID: id, ID: linkID, Request: slices.Clone(raw), CreatedAt: now, parsed: request}
		s.state.links[id] = l
		s.state.Links = append(s.state.Links, l)
		out = answer(http.StatusOK, map[string]any{"order_id": id, "payment_url": s.linkURL(l)})
		return nil
	})
	if err != nil {
		return snapInternal
	}
	return out
}

func (s *Server) linkURL(l *link) string { return s.URL + "/payment-links/" + l.ID }

// linkByID is the link of a payment_link_id, or nil.
func (s *Server) linkByID(id string) *link {
	for _, l := range s.state.Links {
		if l.ID == id {
			return l
		}
	}
	return nil
}

// oneLink is GET and DELETE /v1/payment-links/{order_id}.
func (s *Server) oneLink() http.HandlerFunc {
	about := func(do func(l *link, now time.Time) reply) func(*http.Request, []byte) reply {
		return func(r *http.Request, _ []byte) reply {
			out := noLink()
			err := s.change(func(now time.Time) error {
				if l := s.state.links[r.PathValue("id")]; l != nil && l.DeletedAt.IsZero() {
					out = do(l, now)
				}
				return nil
			})
			if err != nil {
				return snapInternal
			}
			return out
		}
	}
	get := s.linkCall("get_link", http.MethodGet, about(func(l *link, _ time.Time) reply {
		return answer(http.StatusOK, s.linkBody(l))
	}))
	remove := s.linkCall("delete_link", http.MethodDelete, about(func(l *link, now time.Time) reply {
		l.DeletedAt = now
		return answer(http.StatusOK, map[string]any{
			"message": fmt.Sprintf("Payment Link with Order ID %s-%d deleted", l.OrderID, now.Unix()),
		})
	}))
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			remove(w, r)
			return
		}
		get(w, r)
	}
}

// linkBody is a link as a look-up tells it, in the form that Midtrans has not
// published: amounts are numbers, and times have no seconds.
func (s *Server) linkBody(l *link) map[string]any {
	r := l.parsed
	body := map[string]any{
		"id": fmt.Sprint(l.Number), "payment_link_url": s.linkURL(l), "order_id": l.OrderID, "merchant_id": merchantID,
		"payment_link_id": l.ID, "enabled_payments": list(r.snap.EnabledPayments), "usage_limit": r.limit(), "usage": l.usage(""),
		"gross_amount": r.TransactionDetails.GrossAmount, "credit_card_3d_secure": r.snap.CreditCard.Secure,
		"whitelist_bins": list(r.CreditCard.BINs), "item_details": list(r.Items), "purchases": []any{},
	}
	if r.Customer != nil {
		body["customer_details"] = r.Customer
	}
	if starts, ends := r.span(l.CreatedAt); !ends.IsZero() {
		body["expiry_start"] = starts.In(wib).Format(minutesLayout)
		body["expiry_duration"], body["expiry_unit"] = r.Expiry.Duration, r.Expiry.Unit
	}
	return body
}

// list is never null in JSON.
func list[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}
