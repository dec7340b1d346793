package fazz

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// ListParams choose payments of the account. The zero value asks for the ten
// newest.
type ListParams struct {
	// Page counts from 1, which is also what 0 means.
	Page int
	// Size is how many payments a page has: 1 to 1000. 0 means 10.
	Size int
	// Sort is a field of Fazz's such as "createdAt", with a minus in front for
	// the greatest first. Empty: the newest first.
	Sort string
	// CreatedAfter and CreatedBefore bound when payments were made. Whether the
	// very instants are included is not published. Zero: no bound.
	CreatedAfter, CreatedBefore time.Time
	// Status is one of Fazz's words. Only "paid" and "completed" are published
	// as ones to choose by; the others are assumed. Empty: all.
	Status string
	// Reference is a checkout's Ref. Empty: all.
	Reference string
}

// Listed is a payment as a report needs it. BegunAt is when it was made, and
// ExpiresAt when it ends or ended. When it was paid Fazz does not tell.
type Listed struct {
	payments.Observation
	// Fees is what Fazz takes, or would if it were paid; zero if it did not
	// say. Whether it is deducted from what is paid out is not published.
	Fees payments.Money
}

// ListPage is a page of payments.
type ListPage struct {
	Items []Listed
	// More: there may be another page. Fazz does not tell, so it is so after
	// every full page.
	More bool
}

// Default and greatest size of a page.
const (
	defaultSize = 10
	maxSize     = 1000
)

var (
	validSort   = regexp.MustCompile(`^-?[A-Za-z]{1,32}$`)
	validStatus = regexp.MustCompile(`^[a-z_]{1,32}$`)
)

// List returns payments of the account, whoever made them, for reports and for
// finding what no payment of the host's is known for. Payments that Fazz lists
// though they have another status or reference than asked for are left out.
//
// Errors are *payments.InvalidError, and *payments.GatewayError. A payment that
// cannot be read fails the whole page: a report must not lack money silently.
func (g *Gateway) List(ctx context.Context, p ListParams) (ListPage, error) {
	if err := g.usable("list"); err != nil {
		return ListPage{}, err
	}
	query, err := p.query()
	if err != nil {
		return ListPage{}, err
	}
	call, got, err := g.client.get(ctx, "list", "/payments", query)
	if err != nil {
		return ListPage{}, err
	}
	if !got.isOK() {
		return ListPage{}, g.client.refusal(call, got)
	}
	items, err := listIn(got)
	if err != nil {
		return ListPage{}, g.client.unreadable(call, got, err)
	}
	page := ListPage{More: len(items) >= p.size()}
	for i, item := range items {
		r, err := g.client.readItem(item, "")
		if err != nil {
			return ListPage{}, g.client.unreadable(call, got, fmt.Errorf("payment %d of the page: %w", i+1, err))
		}
		if (p.Status == "" || r.is(p.Status)) && (p.Reference == "" || r.Ref == p.Reference) {
			page.Items = append(page.Items, Listed{Observation: r.Observation, Fees: r.fees})
		}
	}
	return page, nil
}

func (p ListParams) size() int {
	if p.Size == 0 {
		return defaultSize
	}
	return p.Size
}

// query checks the parameters and writes them as Fazz reads them.
func (p ListParams) query() (url.Values, error) {
	var c checker
	if p.Page < 0 {
		c.Add("page", "must be at least 1")
	}
	if p.Size < 0 || p.Size > maxSize {
		c.Add("size", "must be 1 to %d", maxSize)
	}
	if p.Sort != "" && !validSort.MatchString(p.Sort) {
		c.Add("sort", "must be a field, with or without a minus")
	}
	if p.Status != "" && !validStatus.MatchString(p.Status) {
		c.Add("status", "must be one of Fazz's words")
	}
	if p.Reference != "" && !isReference(p.Reference) {
		c.Add("reference", "has no proper form")
	}
	if !p.CreatedAfter.IsZero() && !p.CreatedBefore.IsZero() && !p.CreatedAfter.Before(p.CreatedBefore) {
		c.Add("created_before", "must be later than created_after")
	}
	q := url.Values{"page[number]": {strconv.Itoa(max(p.Page, 1))}, "page[size]": {strconv.Itoa(p.size())}}
	for name, value := range map[string]string{
		"sort": p.Sort, "filter[status]": p.Status, "filter[referenceId]": p.Reference,
		"filter[createdAfter]": timeOf(p.CreatedAfter), "filter[createdBefore]": timeOf(p.CreatedBefore),
	} {
		if strings.TrimSpace(value) != "" {
			q.Set(name, value)
		}
	}
	return q, c.Err()
}

func timeOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return formatTime(t)
}
