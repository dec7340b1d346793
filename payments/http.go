package payments

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"time"
)

// Handler serves everything under one mount:
//
//	POST /checkout                 opens a payment (JSON, or a form that ends in a redirect)
//	GET  /methods?amount=85000     what an amount can be paid by
//	GET  /payments                 the signed-in user's history
//	GET  /payments/{id}            one payment of the signed-in user
//	GET  /return/{id}              where gateways send payers back to
//	POST /notifications/{gateway}  what gateways send
//
// It does not know its prefix: mount it with http.StripPrefix, and say where
// it is in Config.PublicURL. Without Config.Identify only methods, return and
// notifications are there. Each part is also a handler of its own.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/notifications/{gateway}", s.only(http.MethodPost, func(w http.ResponseWriter, r *http.Request) {
		s.serveNotification(w, r, r.PathValue("gateway"))
	}))
	mux.Handle("/return/{id}", s.ReturnHandler())
	mux.Handle("/methods", s.MethodsHandler())
	if s.cfg.Identify != nil {
		mux.Handle("/checkout", s.CheckoutHandler())
		mux.Handle("/payments", s.PaymentsHandler())
		mux.Handle("/payments/{id}", s.PaymentHandler())
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, fmt.Errorf("%s %s: %w", r.Method, r.URL.Path, ErrNotFound))
	})
	return mux
}

// only lets requests of the method through; HEAD goes with GET.
func (s *Service) only(method string, serve http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != method && (method != http.MethodGet || r.Method != http.MethodHead) {
			w.Header().Set("Allow", method)
			s.fail(w, r, errMethod)
			return
		}
		serve(w, r)
	})
}

// identify asks the host who sends the request.
func (s *Service) identify(r *http.Request) (EndUser, error) {
	if s.cfg.Identify == nil {
		return EndUser{}, ErrUnauthenticated
	}
	user, err := s.cfg.Identify(r)
	if err != nil {
		return EndUser{}, fmt.Errorf("identify: %w", err)
	}
	if user.ID == "" {
		return EndUser{}, fmt.Errorf("identify: no user id: %w", ErrUnauthenticated)
	}
	return user, nil
}

// identified wraps a route of the payer.
func (s *Service) identified(method string, serve func(http.ResponseWriter, *http.Request, EndUser)) http.Handler {
	return s.only(method, func(w http.ResponseWriter, r *http.Request) {
		user, err := s.identify(r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		serve(w, r, user)
	})
}

// pathID is the payment's id: the pattern's {id}, or the last part of the path
// under routers that know no path values.
func pathID(r *http.Request) ID {
	if id := r.PathValue("id"); id != "" {
		return ID(id)
	}
	return ID(path.Base(r.URL.Path))
}

// PaymentsHandler lists the signed-in user's payments, newest first:
// {"items":[…],"next":"…"}. Query: cursor, limit (at most 100).
func (s *Service) PaymentsHandler() http.Handler {
	return s.identified(http.MethodGet, func(w http.ResponseWriter, r *http.Request, user EndUser) {
		limit, err := queryLimit(r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		found, err := s.Page(r.Context(), PaymentQuery{
			Tenant: user.Tenant, UserID: user.ID, Cursor: r.URL.Query().Get("cursor"), Limit: limit,
		})
		if err != nil {
			s.fail(w, r, err)
			return
		}
		views := Page[View]{Items: []View{}, Next: found.Next}
		for _, p := range found.Items {
			views.Items = append(views.Items, p.View())
		}
		s.writeJSON(w, r, http.StatusOK, views)
	})
}

func queryLimit(r *http.Request) (int, error) {
	raw := r.URL.Query().Get("limit")
	if raw == "" {
		return 20, nil
	}
	n, err := strconv.Atoi(raw)
	if err != nil || n < 1 || n > 100 {
		return 0, Invalid("limit", "must be between 1 and 100")
	}
	return n, nil
}

// PaymentHandler shows one payment of the signed-in user. Somebody else's is
// 404, like one that does not exist.
func (s *Service) PaymentHandler() http.Handler {
	return s.identified(http.MethodGet, func(w http.ResponseWriter, r *http.Request, user EndUser) {
		p, err := s.getFor(r.Context(), user, pathID(r))
		if err != nil {
			s.fail(w, r, err)
			return
		}
		s.writeJSON(w, r, http.StatusOK, p.View())
	})
}

// getFor refuses what cannot be an id before the store is asked.
func (s *Service) getFor(ctx context.Context, user EndUser, id ID) (*Payment, error) {
	if !id.Valid() {
		return nil, fmt.Errorf("payment %q: %w", clip(string(id)), ErrNotFound)
	}
	return s.GetFor(ctx, user, id)
}

// syncTimeout is how long a payer who comes back waits for the gateway's word.
const syncTimeout = 3 * time.Second

// ReturnHandler is where gateways send payers back to. It believes nothing
// that the query string says: it asks the gateway, and sends the payer on to
// the payment's return URL, with payment_id in the query. Without one it shows
// a plain page.
func (s *Service) ReturnHandler() http.Handler {
	return s.only(http.MethodGet, func(w http.ResponseWriter, r *http.Request) {
		id := pathID(r)
		if !id.Valid() {
			s.fail(w, r, fmt.Errorf("payment %q: %w", clip(string(id)), ErrNotFound))
			return
		}
		p, err := s.Get(r.Context(), id)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		user, err := s.identify(r)
		own := err == nil && user.ID == p.User.ID && user.Tenant == p.User.Tenant
		if own && p.payable() && s.cfg.Limit(r.Context(), user, s.now()) == nil { // else the notification tells
			p = s.syncForPayer(r.Context(), p)
		}
		if p.ReturnURL != "" {
			http.Redirect(w, r, withPaymentID(p.ReturnURL, p.ID), http.StatusSeeOther)
			return
		}
		if !own {
			s.writePage(w, http.StatusOK, page{Title: "Thank you", Text: "You can go back to the shop."})
			return
		}
		s.writePage(w, http.StatusOK, page{Title: statusTitle(p.Status), Text: p.Amount.String()})
	})
}

// syncForPayer asks the gateway, so that the payer sees the payment as it is
// even if the notification is late. If that fails, the notification or the
// timer will tell.
func (s *Service) syncForPayer(ctx context.Context, p *Payment) *Payment {
	ctx, cancel := context.WithTimeout(ctx, syncTimeout)
	defer cancel()
	synced, err := s.Sync(ctx, p.ID)
	if err != nil && !errors.Is(err, ErrUnsupported) {
		s.log.InfoContext(ctx, "gateway could not be asked for a payer who came back", "payment", p.ID, "error", err)
	}
	if synced == nil {
		return p
	}
	return synced
}

func withPaymentID(raw string, id ID) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	q := u.Query()
	q.Set("payment_id", string(id))
	u.RawQuery = q.Encode()
	return u.String()
}

func statusTitle(status Status) string {
	switch status {
	case StatusSettled:
		return "Paid. Thank you!"
	case StatusCreated, StatusPending, StatusAuthorized, StatusChallenged:
		return "Waiting for your payment"
	case StatusReview:
		return "We are checking your payment"
	case StatusDenied:
		return "The payment was refused"
	case StatusCanceled:
		return "The payment was canceled"
	case StatusExpired:
		return "The time to pay is over"
	}
	return "The payment was paid back"
}
