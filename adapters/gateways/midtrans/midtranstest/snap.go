package midtranstest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// createPage is POST /snap/v1/transactions.
func (s *Server) createPage(r *http.Request, raw []byte) reply {
	var generic map[string]any
	var request snapRequest
	if decodeNumbers(raw, &generic) != nil {
		return snapError(http.StatusBadRequest, "There was a problem in the JSON you submitted")
	}
	if problems := check(generic); len(problems) > 0 {
		return snapError(http.StatusBadRequest, problems...)
	}
	if json.Unmarshal(raw, &request) != nil { // some other field of a wrong type
		return snapError(http.StatusBadRequest, "There was a problem in the JSON you submitted")
	}
	var p *Page
	var used bool
	err := s.change(func(now time.Time) error {
		id := request.TransactionDetails.OrderID
		o := s.state.orders[id]
		if o == nil {
			o = &Order{ID: id}
			s.state.orders[id] = o
			s.state.Orders = append(s.state.Orders, o)
		}
		if used = o.taken() != nil; used {
			return nil
		}
		p = &Page{
			Token: uuid.NewString(), OrderID: id, Request: slices.Clone(raw), parsed: request,
			CreatedAt: now, ExpiresAt: request.pageEnd(now),
			OverrideURLs: urlList(r.Header.Get("X-Override-Notification")),
			AppendURLs:   urlList(r.Header.Get("X-Append-Notification")),
		}
		o.Pages = append(o.Pages, p)
		s.state.pages[p.Token] = p
		return nil
	})
	switch {
	case err != nil:
		return snapInternal
	case used:
		return snapError(http.StatusBadRequest, "transaction_details.order_id has been paid and utilized, please use another order ID")
	}
	return answer(http.StatusCreated, map[string]any{
		"token": p.Token, "redirect_url": s.URL + "/snap/v4/redirection/" + p.Token,
	})
}

// urlList reads a header with notification URLs; more than three are not
// served.
func urlList(header string) []string {
	var urls []string
	for _, u := range strings.Split(header, ",") {
		if u = strings.TrimSpace(u); u != "" && len(urls) < 3 {
			urls = append(urls, u)
		}
	}
	return urls
}

// cancelPage is POST /snap/v1/transactions/{token}/cancel.
func (s *Server) cancelPage(r *http.Request, _ []byte) reply {
	var out reply
	err := s.change(func(now time.Time) error {
		p := s.state.pages[r.PathValue("token")]
		switch {
		case p == nil:
			out = snapError(http.StatusNotFound, "token not found")
		case s.state.orders[p.OrderID].taken() != nil:
			out = snapError(http.StatusBadRequest, "Transaction is on progress")
		case !p.CanceledAt.IsZero():
			out = snapError(http.StatusBadRequest, "token already canceled")
		case !p.open(now): // an expired token is forgotten
			out = snapError(http.StatusNotFound, "token not found")
		default:
			p.CanceledAt = now
			out = answer(http.StatusOK, map[string]any{"canceled_at": now.UTC().Format("2006-01-02T15:04:05.000Z")})
		}
		return nil
	})
	if err != nil {
		return snapInternal
	}
	return out
}

// snapRequest is what the simulator uses of a request that was checked.
type snapRequest struct {
	TransactionDetails struct {
		OrderID     string `json:"order_id"`
		GrossAmount int64  `json:"gross_amount"`
	} `json:"transaction_details"`
	Items           []item          `json:"item_details"`
	EnabledPayments []string        `json:"enabled_payments"`
	CustomField1    string          `json:"custom_field1"`
	CustomField2    string          `json:"custom_field2"`
	CustomField3    string          `json:"custom_field3"`
	Metadata        json.RawMessage `json:"metadata"`
	CreditCard      struct {
		Secure bool   `json:"secure"`
		Type   string `json:"type"`
	} `json:"credit_card"`
	Callbacks struct {
		Finish string `json:"finish"`
		Error  string `json:"error"`
	} `json:"callbacks"`
	Expiry     expiry `json:"expiry"`
	PageExpiry expiry `json:"page_expiry"`
}

type item struct {
	Name     string `json:"name"`
	Price    int64  `json:"price"`
	Quantity int64  `json:"quantity"`
}

func (r snapRequest) amount() int64 { return r.TransactionDetails.GrossAmount }

// channels are those that the payer may choose from.
func (r snapRequest) channels() []*channel {
	if len(r.EnabledPayments) == 0 {
		return channels
	}
	var enabled []*channel
	for _, c := range slices.Concat(channels, chargedOnly) {
		if slices.ContainsFunc(r.EnabledPayments, c.enabledBy) {
			enabled = append(enabled, c)
		}
	}
	return enabled
}

// enabledBy reports whether a name in enabled_payments, maybe that of a
// group, stands for the channel.
func (c *channel) enabledBy(name string) bool {
	switch name {
	case "bank_transfer":
		return c.paymentType == "bank_transfer"
	case "other_va":
		return slices.Contains([]string{"permata_va", "bni_va", "bri_va", "cimb_va"}, c.name)
	case "cstore":
		return c.paymentType == "cstore"
	}
	return name == c.name
}

// expiry is a time after which something ends. The zero value is none.
type expiry struct {
	StartTime string `json:"start_time"`
	Unit      string `json:"unit"`
	Duration  int64  `json:"duration"`
}

const expiryLayout = "2006-01-02 15:04:05 -0700"

var units = map[string]time.Duration{
	"minute": time.Minute, "minutes": time.Minute, "hour": time.Hour, "hours": time.Hour, "day": day, "days": day,
}

func (e expiry) length() time.Duration { return time.Duration(e.Duration) * units[e.Unit] }

// end is when it ends that began at from, or otherwise if nothing is set.
func (e expiry) end(from, otherwise time.Time) time.Time {
	if e.Duration == 0 {
		return otherwise
	}
	if start, err := time.Parse(expiryLayout, e.StartTime); err == nil {
		from = start
	}
	return from.Add(e.length())
}

// pageEnd is when a page that is made now dies: at the latest after a week.
func (r snapRequest) pageEnd(now time.Time) time.Time {
	end := r.PageExpiry.end(now, r.Expiry.end(now, now.Add(day)))
	if latest := now.Add(7 * day); end.After(latest) {
		return latest
	}
	return end
}
