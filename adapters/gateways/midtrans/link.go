package midtrans

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// CreateLink makes a payment link, whose payments have order ids of the form
// <Ref>-<timestamp> and Ref in custom_field1. Their notifications go to the
// URL that is set in Midtrans's dashboard: a link has none of its own. (See
// https://docs.midtrans.com/reference/create-payment-link, in beta.)
//
// Extra is the JSON of a [LinkExtra]. The last part of the link's URL is
// chosen here and not by Midtrans, so that the URL is known even if the answer
// is lost: asked again, Midtrans refuses the order id with 409, which says
// that the link exists. Where Midtrans tells more of it ([Gateway.Link]), that
// it is the same one is checked.
func (g *Gateway) CreateLink(ctx context.Context, r payments.LinkRequest) (string, error) {
	if err := g.usable("create link"); err != nil {
		return "", err
	}
	body, err := bodyOfLink(r)
	if err != nil {
		return "", err
	}
	call := request{Op: "create link", Method: http.MethodPost, URL: g.config.CoreURL + "/v1/payment-links", Body: body}
	a, err := g.client.do(ctx, call)
	if err != nil {
		return "", err
	}
	if page := a.Fields.Text("payment_url"); a.isOK() && page != "" {
		return page, nil
	}
	refusal := g.client.refusal(call, a)
	idTaken := a.Status == http.StatusBadRequest && a.says("payment link id") && a.says("has been taken")
	if a.Status == http.StatusConflict || idTaken {
		return g.existing(ctx, body, idTaken, refusal)
	}
	return "", refusal
}

// existing is the URL of the link that stands in the way of a new one, if it
// is the same.
func (g *Gateway) existing(ctx context.Context, body linkBody, idTaken bool, refusal *payments.GatewayError) (string, error) {
	refusal.Retry, refusal.Err = false, payments.ErrWrongState
	id, ref := body.TransactionDetails.PaymentLinkID, body.TransactionDetails.OrderID
	fields, err := g.readLink(ctx, ref)
	switch {
	case err == nil:
		same := fields.Text("payment_link_id") == id
		if body.DynamicAmount == nil {
			amount, err := fields.Money("gross_amount", payments.Rupiah)
			same = same && err == nil && amount.Amount == body.TransactionDetails.GrossAmount
		}
		if !same {
			return "", refusal
		}
	case !errors.Is(err, payments.ErrNotFound):
		refusal.Retry, refusal.Err = true, fmt.Errorf("%w: %w", payments.ErrOutcomeUnknown, err)
		return "", refusal
	case idTaken && id != ref: // a name that anybody may have chosen
		refusal.Err = payments.Invalid("extra.payment_link_id", "has been taken")
		return "", refusal
	}
	return g.linkURL(id), nil
}

func (g *Gateway) linkURL(id string) string { return g.config.SnapURL + "/payment-links/" + id }

// Link asks for a link by its reference. Midtrans has not published that it
// can be asked, so in production it may know of none: ErrNotFound (wrapped).
func (g *Gateway) Link(ctx context.Context, ref string) (payments.LinkPage, error) {
	fields, err := g.readLink(ctx, ref)
	if err != nil {
		return payments.LinkPage{}, err
	}
	page := payments.LinkPage{URL: fields.Text("payment_link_url")}
	if page.URL == "" {
		page.URL = g.linkURL(fields.Text("payment_link_id"))
	}
	page.Amount, _ = fields.Money("gross_amount", payments.Rupiah) // none: not told
	page.UsageLimit, _ = strconv.Atoi(fields.Text("usage_limit"))
	page.Usage, _ = strconv.Atoi(fields.Text("usage"))
	page.ExpiresAt = linkExpiry(fields)
	return page, nil
}

func (g *Gateway) readLink(ctx context.Context, ref string) (object, error) {
	call, err := g.linkCall("get link", http.MethodGet, ref)
	if err != nil {
		return nil, err
	}
	a, err := g.client.do(ctx, call)
	if err != nil {
		return nil, err
	}
	if a.isOK() && a.Fields.Text("payment_link_id") != "" {
		return a.Fields, nil
	}
	refusal := g.client.refusal(call, a)
	if a.Status == http.StatusNotFound { // whatever its body: what is not published may not be there
		refusal.Retry, refusal.Err = false, payments.ErrNotFound
	}
	return nil, refusal
}

// DeleteLink closes a link by its reference.
func (g *Gateway) DeleteLink(ctx context.Context, ref string) error {
	call, err := g.linkCall("delete link", http.MethodDelete, ref)
	if err != nil {
		return err
	}
	a, err := g.client.do(ctx, call)
	if err != nil || a.isOK() && a.Fields != nil {
		return err
	}
	refusal := g.client.refusal(call, a)
	if a.Status == http.StatusNotFound && a.Fields != nil {
		refusal.Retry, refusal.Err = false, payments.ErrNotFound
	}
	return refusal
}

func (g *Gateway) linkCall(op, method, ref string) (request, error) {
	if err := g.usable(op); err != nil {
		return request{}, err
	}
	if !validOrderID.MatchString(ref) || strings.Trim(ref, ".") == "" { // a path of dots leads elsewhere
		return request{}, payments.Invalid("ref", "names no link")
	}
	return request{Op: op, Method: method, URL: g.config.CoreURL + "/v1/payment-links/" + url.PathEscape(ref)}, nil
}

// linkTime reads a time of a link's, which may lack its seconds.
func linkTime(s string) time.Time {
	if t, err := time.Parse("2006-01-02 15:04 -0700", s); err == nil {
		return parseTime(t.Format(startTimeLayout))
	}
	return parseTime(s)
}

// linkExpiry is zero if Midtrans does not tell all of it.
func linkExpiry(fields object) time.Time {
	start := linkTime(fields.Text("expiry_start"))
	n, err := strconv.Atoi(fields.Text("expiry_duration"))
	unit := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[strings.TrimSuffix(fields.Text("expiry_unit"), "s")]
	const most = 100 * 366 // days
	if start.IsZero() || err != nil || unit == 0 || n < 1 || n > most*int(24*time.Hour/unit) {
		return time.Time{}
	}
	return start.Add(time.Duration(n) * unit)
}
