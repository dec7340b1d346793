package storagetest

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// hostileCases put into every field of every query what an attacker would.
var hostileCases = []testCase{
	{"hostile/every text of every query", hostileQueries},
	{"hostile/names of payments", hostileRefs},
	{"hostile/names of lanes", hostileLanes},
}

// hostileTexts are none of anything that the cases store. Some end a literal
// or a statement in one dialect or another, some are wildcards, some are what
// databases refuse to take for text.
var hostileTexts = []string{
	`'`, `"`, "`", `\`, `\'`, `''`, `' OR '1'='1`, `" OR ""="`, `') OR 1=1 -- `, `') OR 1=1 #`, `1 OR 1=1`, `' UNION SELECT * FROM lunas_payment -- `,
	`'; DROP TABLE lunas_payment; --`, `'; DELETE FROM lunas_message; COMMIT; --`, `$$; DROP TABLE lunas_event; $$`, `/* */`, `--`, `#`, `;`,
	`%`, `_`, `s_ti`, `*`, `?`, `??`, `$1`, `:name`, `@p1`, `{}`, `${x}`, `NULL`, `\x00`, `\N`, `' || (SELECT 1) || '`, `' AND SLEEP(9) AND '`,
	`'; SELECT pg_sleep(9); --`, "0x27", "\u02bc", "\uff07", "\xbf'", "\xbf\x27 OR 1=1", "\xff", "\xc0\x80", "\x00", "a\x00b", "'\x00'", "\x1a", "\r\n",
	"\u2028", "\ufeff", "\u202e", "🧧", "~", "~~", strings.Repeat("'", 10_000), strings.Repeat("%", 10_000),
}

func hostileQueries(c *checker) {
	p := c.fullPayment()
	claim := fullClaim(payments.EndUser{ID: "siti", Tenant: "shop"}, "pro")
	p.User, p.LastSeq = payments.EndUser{ID: "siti", Tenant: "shop"}, 0
	p = c.create(p)
	c.emit(p.ID, []string{"hook:a"}, payments.EventCreated)
	m := c.fullMessage()
	m.PaymentID = p.ID
	c.change(p.ID, payments.Change{Claim: &claim, Messages: []payments.Message{m}})
	before := c.everythingStored(p.ID)

	for _, text := range hostileTexts {
		hostile(c, payments.PaymentQuery{}, text, func(q payments.PaymentQuery) (int, error) {
			page, err := c.store.Payments(c.ctx, q)
			return len(page.Items), err
		})
		hostile(c, payments.EventQuery{PaymentID: p.ID}, text, func(q payments.EventQuery) (int, error) {
			page, err := c.store.Events(c.ctx, q)
			return len(page.Items), err
		})
		hostile(c, payments.MessageQuery{}, text, func(q payments.MessageQuery) (int, error) {
			page, err := c.store.Messages(c.ctx, q)
			return len(page.Items), err
		})
		hostile(c, payments.DeliveryQuery{}, text, func(q payments.DeliveryQuery) (int, error) {
			page, err := c.store.Deliveries(c.ctx, q)
			return len(page.Items), err
		})
		hostile(c, payments.ClaimQuery{Tenant: "shop"}, text, func(q payments.ClaimQuery) (int, error) {
			page, err := c.store.Claims(c.ctx, q)
			return len(page.Items), err
		})
		hostile(c, payments.DeliveryLease{Lease: payments.Lease{Now: at(time.Hour), Until: at(2 * time.Hour), Limit: 10}, Owner: "suite"}, text,
			func(l payments.DeliveryLease) (int, error) {
				l.Targets = []payments.Target{{Name: text}, {Name: "hook:a", Kinds: []payments.EventKind{payments.EventKind(text)}}}
				leased, err := c.store.LeaseDeliveries(c.ctx, l)
				return len(leased), err
			})
	}
	c.rule("no query changes anything")
	c.same(before, c.everythingStored(p.ID), "all that is stored, after hostile queries")
}

// hostile puts text into each field of q that is text or a list of texts, one
// after the other, and reads. A field that is added later is put to it, too.
func hostile[Q any](c *checker, q Q, text string, read func(Q) (int, error)) {
	c.t.Helper()
	for i := range reflect.TypeFor[Q]().NumField() {
		changed := q
		field, name := reflect.ValueOf(&changed).Elem().Field(i), reflect.TypeFor[Q]().Field(i).Name
		switch {
		case field.Kind() == reflect.String:
			field.SetString(text)
		case field.Kind() == reflect.Slice && field.Type().Elem().Kind() == reflect.String:
			field.Set(reflect.MakeSlice(field.Type(), 1, 1))
			field.Index(0).SetString(text)
		default:
			continue
		}
		c.hostileField(fmt.Sprintf("%T with %s %.60q", q, name, text), func() (int, error) { return read(changed) }, name == "Cursor")
	}
}

// hostileField reads once.
func (c *checker) hostileField(what string, read func() (int, error), cursor bool) {
	c.t.Helper()
	n, err := read()
	var invalid *payments.InvalidError
	switch {
	case cursor:
		c.rule("a cursor that no page gave is an *InvalidError, or an empty page")
		if err != nil && !errors.As(err, &invalid) {
			c.failf("%s: unexpected error: %v", what, err)
		}
	case err != nil:
		c.rule("a text that is nothing's name selects nothing, and is no error, whatever it holds")
		c.failf("%s: unexpected error: %v", what, err)
	case n != 0:
		c.rule("a text that is nothing's name selects nothing, and is no error, whatever it holds")
		c.failf("%s: selected %d", what, n)
	}
}

// everythingStored is what there is, as lists show it.
func (c *checker) everythingStored(id payments.ID) any {
	c.t.Helper()
	return []any{
		c.payments(payments.PaymentQuery{}), c.events(id), c.messages(payments.MessageQuery{}),
		c.deliveries(payments.DeliveryQuery{}), c.claims(payments.ClaimQuery{Tenant: "shop"}), c.lanes(payments.LaneChange{At: epoch}),
	}
}

func hostileRefs(c *checker) {
	c.rule("a Ref names what was created under it and nothing else, whatever it holds")
	p := c.create(c.payment(), payments.ByGatewayRef("snap", "R-1"))
	refs := func(text string) []payments.Ref {
		return []payments.Ref{
			payments.ByID(payments.ID(text)), payments.ByGatewayRef("snap", text), payments.ByGatewayRef(text, "R-1"),
			payments.ByKey(payments.EndUser{ID: text, Tenant: text}, text), {Kind: payments.RefKind(text), Scope: "snap", Value: "R-1"},
		}
	}
	for _, text := range hostileTexts {
		for _, ref := range refs(text) {
			_, err := c.store.Get(c.ctx, ref)
			c.isError(err, payments.ErrNotFound, fmt.Sprintf("Get of %.60q", ref))
			c.update(ref, func(s payments.Snapshot) (payments.Change, error) {
				if s.Payment != nil {
					c.failf("Update of %.60q sees payment %s", ref, s.Payment.ID)
				}
				return payments.Change{}, nil
			})
		}
	}
	c.same(1, len(c.payments(payments.PaymentQuery{})), "number of payments")
	c.same(p.ID, c.get(payments.ByGatewayRef("snap", "R-1")).ID, "payment named by R-1")
}

func hostileLanes(c *checker) {
	c.rule("to retire a lane that is not there does nothing, whatever its name holds")
	seen := payments.Lane{Name: "a", Kinds: []payments.EventKind{payments.EventSettled}, SeenAt: epoch}
	before := c.lanes(payments.LaneChange{Seen: []payments.Lane{seen}, At: epoch})
	for _, text := range hostileTexts {
		c.same(before, c.lanes(payments.LaneChange{Retire: []string{text}, At: at(time.Hour)}), fmt.Sprintf("lanes after retiring %.60q", text))
	}
}
