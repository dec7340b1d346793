package payments

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// checkoutBody is what a browser may ask for. Never a price, user, tenant,
// gateway or metadata: those are the server's to say (Config.Prepare).
type checkoutBody struct {
	PlanID       string `json:"plan_id"`
	Items        []Pick `json:"items"`
	Method       Method `json:"method"`
	ReturnURL    string `json:"return_url"`
	PaymentToken string `json:"payment_token"`
}

// checkoutAnswer is the answer to it.
type checkoutAnswer struct {
	PaymentID ID        `json:"payment_id"`
	Status    Status    `json:"status"`
	URL       string    `json:"url"`
	Token     string    `json:"token,omitempty"`
	ExpiresAt time.Time `json:"expires_at"`
	// Instructions say how to pay, where the gateway has no page for that.
	Instructions *Instructions `json:"instructions,omitempty"`
}

// CheckoutHandler opens a payment for the signed-in user. JSON:
// {"plan_id":"pro"} or {"items":[{"id":"mug","quantity":2}]}, with optional
// "method", "return_url" and "payment_token"; the answer is 201 with the payment
// and where or how to pay. A form with the same fields (item_id and quantity for items) ends in a
// redirect there. The header Idempotency-Key, or the form's field
// idempotency_key, makes a repeat safe. Beyond Config.Limit the answer is 429.
func (s *Service) CheckoutHandler() http.Handler {
	crossOrigin := http.NewCrossOriginProtection()
	for _, own := range append([]string{s.cfg.PublicURL}, s.cfg.ReturnURLs...) {
		if u, err := url.Parse(own); err == nil { // behind a proxy the request's Host is not the public one
			if err := crossOrigin.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
				s.log.Warn("origin is not trusted", "url", own, "error", err)
			}
		}
	}
	return s.identified(http.MethodPost, func(w http.ResponseWriter, r *http.Request, user EndUser) {
		if err := crossOrigin.Check(r); err != nil {
			s.fail(w, r, fmt.Errorf("%w: %w", errCrossOrigin, err))
			return
		}
		if err := s.cfg.Limit(r.Context(), user, s.now()); err != nil {
			s.fail(w, r, fmt.Errorf("checkout: %w", err))
			return
		}
		params, isForm, err := readCheckout(w, r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		params.User = user
		if s.cfg.Prepare != nil {
			if err := s.cfg.Prepare(r, &params); err != nil {
				s.fail(w, r, err)
				return
			}
		}
		out, err := s.Checkout(r.Context(), params)
		if err != nil {
			var stored ID
			if out != nil {
				stored = out.Payment.ID
			}
			s.failFor(w, r, err, stored)
			return
		}
		if isForm {
			http.Redirect(w, r, out.URL, http.StatusSeeOther)
			return
		}
		w.Header().Set("Location", s.cfg.PublicURL+"/payments/"+string(out.Payment.ID))
		answer := checkoutAnswer{
			PaymentID: out.Payment.ID, Status: out.Payment.Status, URL: out.URL, ExpiresAt: out.Payment.ExpiresAt,
		}
		if out.Session != nil {
			answer.Token, answer.Instructions = out.Session.Token, out.Session.Instructions
		}
		s.writeJSON(w, r, http.StatusCreated, answer)
	})
}

// readCheckout reads the body in either form. The fingerprint is that of the
// request, so what Prepare adds does not count when a key is used again.
func readCheckout(w http.ResponseWriter, r *http.Request) (params CreateParams, isForm bool, err error) {
	raw, err := readBody(w, r)
	if errors.Is(err, errTooLarge) {
		return params, false, err
	}
	if err != nil {
		return params, false, Invalid("body", "cannot be read")
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return params, false, errMediaType
	}
	var body checkoutBody
	params.Key = r.Header.Get("Idempotency-Key")
	switch media {
	case "application/json":
		err = decodeStrict(raw, &body)
	case "application/x-www-form-urlencoded":
		isForm = true
		var form url.Values
		if form, err = url.ParseQuery(string(raw)); err != nil {
			return params, true, Invalid("body", "is not a form")
		}
		if params.Key == "" {
			params.Key = form.Get("idempotency_key")
		}
		body, err = formCheckout(form)
	default:
		return params, false, errMediaType
	}
	if err != nil {
		return params, isForm, err
	}
	params.PlanID, params.Items, params.Method, params.ReturnURL = body.PlanID, body.Items, body.Method, body.ReturnURL
	params.PaymentToken = body.PaymentToken
	params.fingerprint, err = params.digest()
	return params, isForm, err
}

// decodeStrict reads one JSON object and names what does not belong in it.
func decodeStrict(raw []byte, into any) error {
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, trailing := d.Token(); !errors.Is(trailing, io.EOF) {
			return Invalid("body", "has something behind the JSON object")
		}
		return nil
	}
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) && wrong.Field != "" {
		return Invalid(wrong.Field, "must not be a JSON %s", wrong.Value)
	}
	if _, name, unknown := strings.Cut(err.Error(), "json: unknown field "); unknown {
		if name = clip(strings.Trim(name, `"`)); name == "" {
			return Invalid("body", "has a field without a name")
		}
		return Invalid(name, "is not a field of this request")
	}
	return Invalid("body", "is not the JSON object that is expected")
}

func formCheckout(form url.Values) (checkoutBody, error) {
	body := checkoutBody{
		PlanID: form.Get("plan_id"), Method: Method(form.Get("method")), ReturnURL: form.Get("return_url"),
		PaymentToken: form.Get("payment_token"),
	}
	quantities := form["quantity"]
	for i, id := range form["item_id"] {
		pick := Pick{ID: id, Quantity: 1}
		if i < len(quantities) {
			n, err := strconv.Atoi(quantities[i])
			if err != nil {
				return body, Invalid("quantity", "must be a whole number")
			}
			pick.Quantity = n
		}
		body.Items = append(body.Items, pick)
	}
	return body, nil
}
