package fazztest

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	usualPage = 10
	// largestPage is all that is given, whatever is asked for.
	largestPage = 1000
)

// listing is what a list is asked for.
type listing struct {
	number, size  int
	order         func(a, b *Payment) int
	status, ref   string
	after, before time.Time
}

// list answers with a page of payments. Nothing is said of links or a total:
// a page that is not full is the last.
func (s *Server) list(r *http.Request, _ []byte) reply {
	l, problems := parseListing(r.URL.Query())
	if len(problems) > 0 {
		return refuse(problems...)
	}
	return s.answer(func(time.Time) reply {
		found := make([]*Payment, 0, len(s.state.Payments))
		for _, p := range s.state.Payments {
			if l.has(p) {
				found = append(found, p)
			}
		}
		slices.SortFunc(found, l.order)
		page := make([]resource, 0, l.size)
		for i, p := range found {
			// By division: the product may be too large for an int.
			if i/l.size == l.number-1 {
				page = append(page, s.resource(p))
			}
		}
		return reply{status: http.StatusOK, body: map[string]any{"data": page}}
	})
}

func (l listing) has(p *Payment) bool {
	return (l.status == "" || p.Status == l.status) && (l.ref == "" || p.ReferenceID == l.ref) &&
		(l.after.IsZero() || p.CreatedAt.After(l.after)) && (l.before.IsZero() || p.CreatedAt.Before(l.before))
}

func newestFirst(a, b *Payment) int {
	return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.seq, a.seq))
}

// orders are the values of sort. The newest of equal ones comes first, unless
// it is the age that is asked for.
var orders = map[string]func(a, b *Payment) int{
	"":           newestFirst,
	"-createdAt": newestFirst,
	"createdAt":  func(a, b *Payment) int { return newestFirst(b, a) },
	"amount":     func(a, b *Payment) int { return cmp.Or(cmp.Compare(a.Amount, b.Amount), newestFirst(a, b)) },
	"-amount":    func(a, b *Payment) int { return cmp.Or(cmp.Compare(b.Amount, a.Amount), newestFirst(a, b)) },
}

// parseListing reads the query. A filter that is not known is refused, so that
// a misspelt one is not taken for none.
func parseListing(q url.Values) (listing, []problem) {
	l := listing{number: 1, size: usualPage, order: newestFirst}
	var all []problem
	for key := range q {
		value := q.Get(key)
		var err error
		switch key {
		case "page[number]":
			l.number, err = positive(value)
		case "page[size]":
			l.size, err = positive(value)
			l.size = min(l.size, largestPage)
		case "sort":
			if l.order = orders[value]; l.order == nil {
				err = errors.New("must be createdAt or amount, or one of them after a minus sign")
			}
		case "filter[status]":
			// Only paid and completed are documented; the others are as good.
			if l.status = value; !slices.Contains(statuses, value) {
				err = fmt.Errorf("must be one of %s", strings.Join(statuses, ", "))
			}
		case "filter[referenceId]":
			if l.ref = value; value == "" {
				err = errors.New("must not be empty")
			}
		case "filter[createdAfter]":
			l.after, err = moment(value)
		case "filter[createdBefore]":
			l.before, err = moment(value)
		default:
			if strings.HasPrefix(key, "filter[") || strings.HasPrefix(key, "page[") {
				err = errors.New("is not known")
			}
		}
		if err != nil {
			all = append(all, problem{invalid, key + " " + err.Error()})
		}
	}
	slices.SortFunc(all, func(a, b problem) int { return cmp.Compare(a.detail, b.detail) })
	return l, all
}

func positive(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, errors.New("must be a number from 1")
	}
	return n, nil
}

func moment(s string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return at, errors.New("must be an ISO 8601 time with its offset, URL-encoded")
	}
	return at, nil
}
