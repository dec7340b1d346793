package midtrans

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

// snapRequest is the body of POST /snap/v1/transactions.
type snapRequest struct {
	TransactionDetails transactionDetails `json:"transaction_details"`
	SnapExtra
}

type transactionDetails struct {
	OrderID     string `json:"order_id"`
	GrossAmount int64  `json:"gross_amount"`
}

// openPage creates a Snap token. Asked again with the same Ref it makes
// another token for the same order, until a transaction of the order is
// active or paid; then the error wraps payments.ErrWrongState.
//
// The page has no transaction yet, so the result's Observation is empty.
func (g *Gateway) openPage(ctx context.Context, r payments.CheckoutRequest) (payments.CheckoutResult, error) {
	body, err := snapBody(r)
	if err != nil {
		return payments.CheckoutResult{}, err
	}
	call := request{Op: "checkout", Method: http.MethodPost, URL: g.config.SnapURL + "/snap/v1/transactions", Body: body}
	if r.NotificationURL != "" {
		call.Header = map[string]string{"X-Override-Notification": r.NotificationURL}
	}
	a, err := g.client.do(ctx, call)
	if err != nil {
		return payments.CheckoutResult{}, err
	}
	token := a.Fields.Text("token")
	if a.isOK() && token != "" {
		return payments.CheckoutResult{Token: token, RedirectURL: a.Fields.Text("redirect_url")}, nil
	}
	refusal := g.client.refusal(call, a)
	if a.Status >= 400 && a.Status < 500 && a.says("has been paid and utilized", "sudah digunakan") {
		refusal.Err = payments.ErrWrongState
	}
	return payments.CheckoutResult{}, refusal
}

// cancelSession makes a Snap token useless that nobody has begun to pay by.
func (g *Gateway) cancelSession(ctx context.Context, token string) error {
	call := request{
		Op: "cancel", Method: http.MethodPost,
		URL: g.config.SnapURL + "/snap/v1/transactions/" + url.PathEscape(token) + "/cancel",
	}
	a, err := g.client.do(ctx, call)
	if err != nil {
		return err
	}
	if a.isOK() && a.Fields.Text("canceled_at") != "" {
		return nil
	}
	// Midtrans does not publish the HTTP statuses of these, so the words
	// must do.
	refusal := g.client.refusal(call, a)
	if a.Status < 500 && a.Status != http.StatusUnauthorized {
		switch {
		case a.says("already canceled"):
			return nil
		case a.says("on progress"):
			refusal.Retry, refusal.Err = false, payments.ErrWrongState
		case a.says("token not found"):
			refusal.Retry, refusal.Err = false, payments.ErrNotFound
		}
	}
	return refusal
}

var (
	validOrderID = regexp.MustCompile(`^[A-Za-z0-9._~-]{1,50}$`)
	validMethod  = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
)

// snapBody makes the request's body. Its error is an *payments.InvalidError.
func snapBody(r payments.CheckoutRequest) (snapRequest, error) {
	extra, err := gatewaykit.ReadExtra[SnapExtra](r.Extra, "Snap")
	if err != nil {
		return snapRequest{}, err
	}
	var c checker
	extra.check(&c)
	checkRequest(&c, r)
	amount := r.Order.Amount

	if extra.ItemDetails == nil {
		extra.ItemDetails = itemsOf(r.Order)
		checkSum(&c, "amount", extra.ItemDetails, amount)
	} else {
		checkItems(&c, extra.ItemDetails)
		checkSum(&c, "extra.item_details", extra.ItemDetails, amount)
	}
	extra.CustomerDetails = customerOf(r.Order.User, extra.CustomerDetails)
	extra.CreditCard = secured(extra.CreditCard)
	if r.Method != "" {
		if len(extra.EnabledPayments) > 0 {
			c.Add("extra.enabled_payments", "cannot be combined with a method")
		}
		method := snapMethod(r.Method)
		if !validMethod.MatchString(method) {
			c.Add("method", "is not the name of a way to pay")
		}
		extra.EnabledPayments = []string{method}
	}
	if r.ReturnURL != "" {
		callbacks := Callbacks{Finish: r.ReturnURL}
		if given := extra.Callbacks; given != nil {
			callbacks.Error = given.Error
			if given.Finish != "" {
				callbacks.Finish = given.Finish
			}
		}
		extra.Callbacks = &callbacks
	}
	if extra.Expiry == nil && !r.ExpiresAt.IsZero() {
		extra.Expiry = expiryAt(&c, r.Order.CreatedAt, r.ExpiresAt)
	}
	return snapRequest{
		TransactionDetails: transactionDetails{OrderID: r.Ref, GrossAmount: amount.Amount},
		SnapExtra:          extra,
	}, c.Err()
}

// checkRequest checks what both products want.
func checkRequest(c *checker, r payments.CheckoutRequest) {
	if !validOrderID.MatchString(r.Ref) {
		c.Add("ref", "must be 1 to 50 letters, digits, dashes, underscores, tildes or dots")
	}
	checkRupiah(c, "amount", r.Order.Amount)
	if r.NotificationURL != "" && !isWebURL(r.NotificationURL) {
		c.Add("notification_url", "must be an http or https URL without a comma")
	}
	c.Most("return_url", r.ReturnURL, 255)
}

// isWebURL: the header takes a list, so a comma would make two of one URL.
func isWebURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") && !strings.Contains(s, ",")
}

// snapMethod gives a way to pay the name that Snap has for it. Notifications
// name it otherwise, so those names are understood, too.
func snapMethod(m payments.Method) string {
	name := string(m)
	if bank, ok := strings.CutPrefix(name, "bank_transfer/"); ok {
		return bank + "_va"
	}
	if store, ok := strings.CutPrefix(name, "cstore/"); ok {
		return store
	}
	if name == "qris" {
		return "other_qris"
	}
	return name
}

// itemsOf makes the bill's lines of what was ordered. Names are cut to what
// Midtrans takes; Alfamart takes no pipe in them.
func itemsOf(o payments.Order) []ItemDetail {
	var items []ItemDetail
	add := func(id, name string, price payments.Money, quantity int) {
		if name == "" {
			name = id
		}
		name = gatewaykit.Shorten(strings.ReplaceAll(name, "|", "/"), 50)
		if name == "" {
			name = "-" // Midtrans insists on one
		}
		items = append(items, ItemDetail{ID: gatewaykit.Shorten(id, 50), Name: name, Price: price.Amount, Quantity: quantity})
	}
	if o.Plan != nil {
		add(o.Plan.ID, o.Plan.DisplayName, o.Plan.Price, 1)
	}
	for _, line := range o.Lines {
		add(line.ID, line.Name, line.Price, line.Quantity)
	}
	return items
}

func checkItems(c *checker, items []ItemDetail) {
	for i, item := range items {
		at := fmt.Sprintf("extra.item_details[%d].", i)
		c.Between(at+"name", item.Name, 1, 50)
		if item.Quantity < 1 {
			c.Add(at+"quantity", "must be at least 1")
		}
		c.Most(at+"id", item.ID, 50)
		c.Most(at+"brand", item.Brand, 50)
		c.Most(at+"category", item.Category, 50)
		c.Most(at+"merchant_name", item.MerchantName, 50)
		c.Most(at+"url", item.URL, 50)
	}
}

// checkSum: Midtrans refuses a bill whose lines do not add up.
func checkSum(c *checker, field string, items []ItemDetail, amount payments.Money) {
	if len(items) == 0 {
		return
	}
	var sum payments.Money
	sum.Currency = payments.Rupiah
	for _, item := range items {
		product, err := payments.IDR(item.Price).Times(max(item.Quantity, 0))
		if err == nil {
			sum, err = sum.Add(product)
		}
		if err != nil {
			c.Add(field, "lines are out of range")
			return
		}
	}
	if sum.Amount != amount.Amount {
		c.Add(field, "lines add up to %d, not to the order's amount of %d", sum.Amount, amount.Amount)
	}
}

// customerOf fills in what the options leave open.
func customerOf(u payments.EndUser, given *CustomerDetails) *CustomerDetails {
	var d CustomerDetails
	if given != nil {
		d = *given
	}
	if d.FirstName == "" && d.LastName == "" {
		d.FirstName = gatewaykit.Shorten(u.Name, 255)
	}
	if d.Email == "" {
		d.Email = gatewaykit.Shorten(u.Email, 255)
	}
	if d.Phone == "" {
		d.Phone = gatewaykit.Shorten(u.Phone, 255)
	}
	if given == nil && d.FirstName == "" && d.Email == "" && d.Phone == "" {
		return nil
	}
	return &d
}

// secured turns 3-D Secure on where nothing else is said.
func secured(given *CreditCard) *CreditCard {
	var d CreditCard
	if given != nil {
		d = *given
	}
	if d.Secure == nil {
		d.Secure = new(true)
	}
	return &d
}

// expiryAt is the span that ends at end. It starts when the order was made,
// not now, so that asking again asks for the very same. Midtrans counts in
// whole minutes: the start is moved back to make the end exact.
func expiryAt(c *checker, start, end time.Time) *Expiry {
	if start.IsZero() {
		start = time.Now()
	}
	minutes := (end.Sub(start) + time.Minute - 1) / time.Minute
	if minutes < 1 {
		c.Add("expires_at", "must be after the order was made")
	}
	return &Expiry{
		StartTime: end.Add(-minutes * time.Minute).In(wib).Format(startTimeLayout),
		Unit:      "minute", Duration: int(minutes),
	}
}
