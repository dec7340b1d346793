package payments_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// catalog is a catalogue of the host's own.
type catalog struct {
	plans map[string]payments.Plan
	items map[string]payments.Item
	err   error
}

func (c catalog) Plan(_ context.Context, tenant, id string) (payments.Plan, error) {
	if p, ok := c.plans[tenant+"/"+id]; ok || c.err != nil {
		return p, c.err
	}
	return payments.Plan{}, fmt.Errorf("plan: %w", payments.ErrNotFound)
}

func (c catalog) Item(_ context.Context, tenant, id string) (payments.Item, error) {
	if i, ok := c.items[tenant+"/"+id]; ok || c.err != nil {
		return i, c.err
	}
	return payments.Item{}, fmt.Errorf("item: %w", payments.ErrNotFound)
}

func mug(quantity int) payments.Line {
	return payments.Line{Item: payments.Item{ID: "mug", Name: "Mug", Price: payments.IDR(85_000)}, Quantity: quantity}
}

func many(n int) map[string]string {
	m := map[string]string{}
	for i := range n {
		m[fmt.Sprint("k", i)] = "v"
	}
	return m
}

func TestWhatCannotBeBoughtIsRefusedByField(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	dear := func(price int64, currency payments.Currency) payments.Line {
		return payments.Line{
			Item: payments.Item{ID: "x", Name: "X", Price: payments.Money{Amount: price, Currency: currency}}, Quantity: 1,
		}
	}
	cases := map[string]struct {
		params payments.CreateParams
		field  string
	}{
		"nothing":           {payments.CreateParams{}, "plan_id"},
		"plan and items":    {payments.CreateParams{PlanID: "pro", Items: []payments.Pick{{ID: "mug", Quantity: 1}}}, "plan_id"},
		"plan and lines":    {payments.CreateParams{PlanID: "pro", Lines: []payments.Line{mug(1)}}, "plan_id"},
		"items and lines":   {payments.CreateParams{Items: []payments.Pick{{ID: "mug", Quantity: 1}}, Lines: []payments.Line{mug(1)}}, "plan_id"},
		"unknown plan":      {payments.CreateParams{PlanID: "gold"}, "plan_id"},
		"long plan":         {payments.CreateParams{PlanID: strings.Repeat("x", 65)}, "plan_id"},
		"unknown item":      {payments.CreateParams{Items: []payments.Pick{{ID: "mug", Quantity: 1}, {ID: "cup", Quantity: 1}}}, "items[1].id"},
		"no item id":        {payments.CreateParams{Items: []payments.Pick{{Quantity: 1}}}, "items[0].id"},
		"no quantity":       {payments.CreateParams{Items: []payments.Pick{{ID: "mug"}}}, "items[0].quantity"},
		"negative quantity": {payments.CreateParams{Items: []payments.Pick{{ID: "mug", Quantity: -1}}}, "items[0].quantity"},
		"huge quantity":     {payments.CreateParams{Items: []payments.Pick{{ID: "mug", Quantity: 10_001}}}, "items[0].quantity"},
		"hugest quantity":   {payments.CreateParams{Items: []payments.Pick{{ID: "mug", Quantity: math.MaxInt}}}, "items[0].quantity"},
		"many items":        {payments.CreateParams{Items: slices.Repeat([]payments.Pick{{ID: "mug", Quantity: 1}}, 101)}, "items"},
		"many lines":        {payments.CreateParams{Lines: slices.Repeat([]payments.Line{mug(1)}, 101)}, "lines"},
		"line without one":  {payments.CreateParams{Lines: []payments.Line{mug(0)}}, "lines[0]"},
		"line of nothing":   {payments.CreateParams{Lines: []payments.Line{{Quantity: 1}}}, "lines[0]"},
		"line overflows":    {payments.CreateParams{Lines: []payments.Line{mug(math.MaxInt / 100)}}, "lines[0]"},
		"sum overflows":     {payments.CreateParams{Lines: []payments.Line{dear(math.MaxInt64, "IDR"), dear(1, "IDR")}}, "lines[1]"},
		"two currencies":    {payments.CreateParams{Lines: []payments.Line{dear(1, "IDR"), dear(1, "USD")}}, "lines[1]"},
		"no currency":       {payments.CreateParams{Lines: []payments.Line{dear(1, "")}}, "lines[0]"},
		"less than nothing": {payments.CreateParams{Lines: []payments.Line{dear(-1, "IDR")}}, "lines"},
		"much metadata":     {payments.CreateParams{PlanID: "pro", Metadata: many(21)}, "metadata"},
		"long key":          {payments.CreateParams{PlanID: "pro", Metadata: map[string]string{strings.Repeat("k", 41): "v"}}, "metadata[" + strings.Repeat("k", 41) + "]"},
		"empty key":         {payments.CreateParams{PlanID: "pro", Metadata: map[string]string{"": "v"}}, "metadata[]"},
		"long value":        {payments.CreateParams{PlanID: "pro", Metadata: map[string]string{"k": strings.Repeat("v", 501)}}, "metadata[k]"},
		"long reference":    {payments.CreateParams{PlanID: "pro", Reference: strings.Repeat("r", 129)}, "reference"},
		"long method":       {payments.CreateParams{PlanID: "pro", Method: payments.Method(strings.Repeat("m", 65))}, "method"},
		"odd method":        {payments.CreateParams{PlanID: "pro", Method: "bca\x00va"}, "method"},
		"long key of ours":  {payments.CreateParams{PlanID: "pro", Key: strings.Repeat("k", 256)}, "key"},
		"binary key":        {payments.CreateParams{PlanID: "pro", Key: "a\x00b"}, "key"},
		"key of no text":    {payments.CreateParams{PlanID: "pro", Key: "a\xffb"}, "key"},
		"short time":        {payments.CreateParams{PlanID: "pro", ExpiresIn: time.Second}, "expires_in"},
		"negative time":     {payments.CreateParams{PlanID: "pro", ExpiresIn: -time.Hour}, "expires_in"},
		"odd extra":         {payments.CreateParams{PlanID: "pro", Extra: func() {}}, "extra"},
		"large extra":       {payments.CreateParams{PlanID: "pro", Extra: strings.Repeat("x", 16<<10)}, "extra"},
		"nobody":            {payments.CreateParams{PlanID: "pro", User: payments.EndUser{Name: "x"}}, "user.id"},
		"bad e-mail":        {payments.CreateParams{PlanID: "pro", User: payments.EndUser{ID: "x", Email: "not one"}}, "user.email"},
		"long user id":      {payments.CreateParams{PlanID: "pro", User: payments.EndUser{ID: strings.Repeat("x", 129)}}, "user.id"},
	}
	for name, c := range cases {
		if c.params.User == (payments.EndUser{}) {
			c.params.User = ana
		}
		p, err := s.pay.Create(t.Context(), c.params)
		require.Nil(t, p, name)
		require.Equal(t, []string{c.field}, fields(t, err), name)
	}
	page, err := s.pay.Page(t.Context(), payments.PaymentQuery{})
	require.NoError(t, err)
	require.Empty(t, page.Items, "nothing of it was stored")
	require.Zero(t, s.fake.count("checkout"))
}

func TestAllWrongFieldsAreNamedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := newShop(t).pay.Create(t.Context(), payments.CreateParams{
		User: ana, Reference: strings.Repeat("r", 129), Items: []payments.Pick{{ID: "", Quantity: 0}},
	})
	require.ElementsMatch(t, []string{"reference", "items[0].id", "items[0].quantity"}, fields(t, err))
}

func TestThePriceIsTheServers(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p, err := s.pay.Create(t.Context(), payments.CreateParams{
		User: ana, Items: []payments.Pick{{ID: "mug", Quantity: 3}, {ID: "mug", Quantity: 1}},
		Metadata: many(20), Reference: "order-7", ExpiresIn: time.Hour,
	})
	require.NoError(t, err)
	require.Equal(t, payments.IDR(340_000), p.Amount)
	require.Equal(t, payments.StatusCreated, p.Status)
	require.Equal(t, start.Add(time.Hour), p.ExpiresAt)
	require.Len(t, p.Lines, 2)
	require.Equal(t, "Mug", p.Lines[0].Name)
	require.Zero(t, s.fake.count("checkout"), "Create calls no gateway")

	p, err = s.pay.Create(t.Context(), payments.CreateParams{User: ana, Lines: []payments.Line{mug(2),
		{Item: payments.Item{ID: "off", Name: "Discount", Price: payments.IDR(-20_000)}, Quantity: 1}}})
	require.NoError(t, err)
	require.Equal(t, payments.IDR(150_000), p.Amount)
}

func TestReturnURLsAreOnesThatWereAllowed(t *testing.T) {
	t.Parallel()
	s := newShop(t, with(func(c *payments.Config) {
		c.ReturnURLs = []string{"https://shop.test/thanks", "https://app.shop.test", "https://shop.test/a/b/"}
	}))
	for raw, want := range map[string]string{
		"":                                     "https://shop.test/thanks",
		"https://shop.test/thanks":             "https://shop.test/thanks",
		"https://shop.test/thanks/":            "https://shop.test/thanks/",
		"https://shop.test/thanks/you?a=1#x":   "https://shop.test/thanks/you?a=1#x",
		"https://app.shop.test":                "https://app.shop.test",
		"https://app.shop.test/any/where":      "https://app.shop.test/any/where",
		"https://shop.test/a/b":                "https://shop.test/a/b",
		"https://shop.test/a/b/c":              "https://shop.test/a/b/c",
		"HTTPS://shop.test/thanks":             "https://shop.test/thanks",
		"https://shop.test/thanks/%C3%A9/more": "https://shop.test/thanks/%C3%A9/more",
	} {
		p, err := s.pay.Create(t.Context(), payments.CreateParams{User: ana, PlanID: "pro", ReturnURL: raw})
		require.NoError(t, err, raw)
		require.Equal(t, want, p.ReturnURL)
	}
	for _, raw := range []string{
		"//evil.test/thanks", "/thanks", "thanks", "https:thanks", "https:///thanks", "https://", "?a=1", "#x",
		"https://evil.test/thanks", "https://shop.test.evil.test/thanks", "https://shop.test.evil/",
		"https://evilshop.test/thanks", "https://shop.test@evil.test/thanks", "https://shop.test:x@evil.test/thanks",
		"https://user@shop.test/thanks", "https://shop.test:8443/thanks", "https://shop.test%2eevil.test/thanks",
		"http://shop.test/thanks", "ftp://shop.test/thanks", "javascript:alert(1)", "data:text/html,x",
		"https://shop.test/", "https://shop.test", "https://shop.test/thanksgiving", "https://shop.test/Thanks",
		"https://shop.test/a", "https://shop.test/a/bc",
		"https://shop.test/thanks/../admin", "https://shop.test/thanks/%2e%2e/admin", "https://shop.test/thanks/..%2fadmin",
		"https://shop.test/thanks/%2E%2E%2Fadmin", "https://shop.test/thanks/..", "https://app.shop.test/..",
		`https://shop.test\@evil.test/thanks`, `https:\\shop.test\thanks`, `\\evil.test`, `https://shop.test/thanks\..\admin`,
		"https://shop.test/thanks/..%5cadmin", "https://shop.test/thanks/%5c..%5cadmin",
		"https://shop.test/thanks\r\nX: y", "https://shop.test/thanks\tx", " https://shop.test/thanks",
		"https://shop.test/thanks/" + strings.Repeat("x", 2000),
	} {
		_, err := s.pay.Create(t.Context(), payments.CreateParams{User: ana, PlanID: "pro", ReturnURL: raw})
		require.Equal(t, []string{"return_url"}, fields(t, err), raw)
	}
	none := newShop(t, with(func(c *payments.Config) { c.ReturnURLs = nil }))
	_, err := none.pay.Create(t.Context(), payments.CreateParams{User: ana, PlanID: "pro", ReturnURL: "https://shop.test/pay"})
	require.Equal(t, []string{"return_url"}, fields(t, err))
}

func TestTheSameKeyGivesTheSamePayment(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	params := payments.CreateParams{User: ana, PlanID: "pro", Key: "k1", Metadata: map[string]string{"b": "2", "a": "1"}}
	first, err := s.pay.Create(t.Context(), params)
	require.NoError(t, err)
	params.Metadata = maps.Clone(params.Metadata)
	params.User.Email = "new@example.com" // the person may change meanwhile
	again, err := s.pay.Create(t.Context(), params)
	require.NoError(t, err)
	require.Equal(t, first.ID, again.ID)

	for name, change := range map[string]func(*payments.CreateParams){
		"plan":     func(p *payments.CreateParams) { p.PlanID, p.Items = "", []payments.Pick{{ID: "mug", Quantity: 1}} },
		"metadata": func(p *payments.CreateParams) { p.Metadata = nil },
		"method":   func(p *payments.CreateParams) { p.Method = "gopay" },
		"extra":    func(p *payments.CreateParams) { p.Extra = 1 },
	} {
		other := params
		change(&other)
		_, err := s.pay.Create(t.Context(), other)
		require.ErrorIs(t, err, payments.ErrKeyReused, name)
	}
	theirs := params
	theirs.User = budi
	other, err := s.pay.Create(t.Context(), theirs)
	require.NoError(t, err)
	require.NotEqual(t, first.ID, other.ID, "keys of different users never meet")
	require.Len(t, s.history(first), 1)

	// Nor do those of users whose names, put together, read the same.
	tenants := map[payments.ID]bool{}
	for _, user := range []payments.EndUser{{Tenant: "a", ID: "bc"}, {Tenant: "ab", ID: "c"}, {ID: "abc"}, {Tenant: `a"`, ID: `"bc`}} {
		p, err := s.pay.Create(t.Context(), payments.CreateParams{User: user, Lines: []payments.Line{mug(1)}, Key: "k"})
		require.NoError(t, err)
		tenants[p.ID] = true
	}
	require.Len(t, tenants, 4)
}

func TestManyAtOnceUnderOneKeyMakeOnePaymentAndOneCall(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	gate := newBlocker()
	s.fake.checkout = func(payments.CheckoutRequest) (payments.CheckoutResult, error) {
		gate.wait()
		return payments.CheckoutResult{RedirectURL: "https://gateway.test"}, nil
	}
	params := payments.CreateParams{User: ana, PlanID: "pro", Key: "k"}
	first := make(chan *payments.Checkout, 1)
	go func() {
		out, err := s.pay.Checkout(context.Background(), params)
		if err != nil {
			t.Errorf("checkout: %v", err)
		}
		first <- out
	}()
	<-gate.entered
	others := make(chan payments.ID, 19)
	var group sync.WaitGroup
	for range cap(others) {
		group.Go(func() {
			out, err := s.pay.Checkout(context.Background(), params)
			if !errors.Is(err, payments.ErrInProgress) || out == nil {
				t.Errorf("while the first runs: %v, %v", out, err)
				others <- ""
				return
			}
			others <- out.Payment.ID
		})
	}
	group.Wait()
	close(gate.release)
	out := <-first
	for range cap(others) {
		require.Equal(t, out.Payment.ID, <-others)
	}
	again, err := s.pay.Checkout(t.Context(), params)
	require.NoError(t, err)
	require.Equal(t, out.Session, again.Session)
	require.Equal(t, 1, s.fake.count("checkout"))
}

func TestAFreePlanNeedsNoGatewayAndIsGrantedOnceAtOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	var group sync.WaitGroup
	ids := make(chan payments.ID, 10)
	for range cap(ids) {
		group.Go(func() {
			p, err := s.pay.Create(context.Background(), payments.CreateParams{User: ana, PlanID: "free"})
			if err != nil {
				t.Errorf("create: %v", err)
				return
			}
			ids <- p.ID
		})
	}
	group.Wait()
	p := s.get(<-ids)
	for range cap(ids) - 1 {
		require.Equal(t, p.ID, <-ids)
	}
	s.status(p, payments.StatusSettled)
	require.Equal(t, []payments.EventKind{payments.EventSettled, payments.EventClaimGranted}, s.kinds(p))
	claims, err := s.pay.Claims(t.Context(), ana)
	require.NoError(t, err)
	require.Len(t, claims, 1)
	require.Len(t, claims[0].Grants, 1)
	require.True(t, claims[0].End.IsZero(), "without a period it never ends")

	out, err := s.pay.Checkout(t.Context(), payments.CreateParams{User: ana, PlanID: "free"})
	require.NoError(t, err)
	require.Equal(t, p.ID, out.Payment.ID)
	require.Nil(t, out.Session)
	require.Equal(t, "https://shop.test/pay/return/"+string(p.ID), out.URL)

	other, err := s.pay.Create(t.Context(), payments.CreateParams{User: budi, PlanID: "free"})
	require.NoError(t, err)
	require.NotEqual(t, p.ID, other.ID)
	require.Zero(t, s.fake.count("checkout"))
}

// A free order is stored by one Update and settled by the next: a crash in
// between is healed by its timer.
func TestAFreePlanWhoseGrantWasCutOffIsGrantedByTheTimer(t *testing.T) {
	t.Parallel()
	var store *flakyStore
	s := newShop(t, withFlaky(&store))
	calls := 0
	store.set(func() error {
		if calls++; calls == 2 {
			return errors.New("the lights went out")
		}
		return nil
	}, nil)
	_, err := s.pay.Create(t.Context(), payments.CreateParams{User: ana, PlanID: "free"})
	require.ErrorContains(t, err, "the lights went out")
	s.clock.Advance(time.Hour)
	s.drain()
	e, err := s.pay.Entitled(t.Context(), ana, "free")
	require.NoError(t, err)
	require.True(t, e.OK)
	again, err := s.pay.Create(t.Context(), payments.CreateParams{User: ana, PlanID: "free"})
	require.NoError(t, err)
	require.Equal(t, 1, s.told(again, payments.EventSettled))
}

func TestGrantGivesAPlanAwayOncePerKey(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p, err := s.pay.Grant(t.Context(), payments.GrantParams{User: ana, PlanID: "pro", Key: "welcome", Reference: "campaign"})
	require.NoError(t, err)
	require.Equal(t, payments.StatusSettled, p.Status)
	require.Equal(t, payments.IDR(0), p.Amount)
	require.Equal(t, payments.IDR(29_000), p.Plan.Price)
	again, err := s.pay.Grant(t.Context(), payments.GrantParams{User: ana, PlanID: "pro", Key: "welcome", Reference: "campaign"})
	require.NoError(t, err)
	require.Equal(t, p.ID, again.ID)
	second, err := s.pay.Grant(t.Context(), payments.GrantParams{User: ana, PlanID: "pro", Key: "sorry"})
	require.NoError(t, err)
	require.NotEqual(t, p.ID, second.ID)

	e, err := s.pay.Entitled(t.Context(), ana, "pro")
	require.NoError(t, err)
	require.Equal(t, start.AddDate(0, 2, 0), e.Until, "two months for two grants")
	require.Zero(t, s.fake.count("checkout"))

	_, err = s.pay.Grant(t.Context(), payments.GrantParams{User: ana, PlanID: "pro"})
	require.Equal(t, []string{"key"}, fields(t, err))
	_, err = s.pay.Grant(t.Context(), payments.GrantParams{User: ana, PlanID: "gold", Key: "x"})
	require.Equal(t, []string{"plan_id"}, fields(t, err))
	_, err = s.pay.Create(t.Context(), payments.CreateParams{User: ana, PlanID: "pro", Key: "welcome", Reference: "campaign"})
	require.ErrorIs(t, err, payments.ErrKeyReused, "a purchase is not the gift")
}

func TestACatalogueOfTheHostsOwn(t *testing.T) {
	t.Parallel()
	own := catalog{
		plans: map[string]payments.Plan{
			"acme/pro": {ID: "pro", Price: payments.IDR(5)},
			"acme/odd": {ID: "odd", Price: payments.Money{Amount: 5}},
		},
		items: map[string]payments.Item{
			"acme/pen": {ID: "pen", Name: "Pen", Price: payments.IDR(7)},
			"acme/neg": {ID: "neg", Name: "Neg", Price: payments.IDR(-7)},
		},
	}
	s := newShop(t, with(func(c *payments.Config) { c.Plans, c.Items, c.Catalog = nil, nil, own }))
	acme := payments.EndUser{ID: "ana", Tenant: "acme"}
	p, err := s.pay.Create(t.Context(), payments.CreateParams{User: acme, PlanID: "pro"})
	require.NoError(t, err)
	require.Equal(t, payments.IDR(5), p.Amount)
	p, err = s.pay.Create(t.Context(), payments.CreateParams{User: acme, Items: []payments.Pick{{ID: "pen", Quantity: 3}}})
	require.NoError(t, err)
	require.Equal(t, payments.IDR(21), p.Amount)

	_, err = s.pay.Create(t.Context(), payments.CreateParams{User: ana, PlanID: "pro"})
	require.Equal(t, []string{"plan_id"}, fields(t, err), "another tenant's plan")

	// What the catalogue gets wrong is not the payer's fault.
	invalid := (*payments.InvalidError)(nil)
	for _, params := range []payments.CreateParams{
		{User: acme, PlanID: "odd"}, {User: acme, Items: []payments.Pick{{ID: "neg", Quantity: 1}}},
	} {
		_, err = s.pay.Create(t.Context(), params)
		require.ErrorContains(t, err, "catalogue")
		require.False(t, errors.As(err, &invalid))
		require.Equal(t, 500, payments.ProblemOf(err).Status)
	}
	down := newShop(t, with(func(c *payments.Config) {
		c.Plans, c.Items, c.Catalog = nil, nil, catalog{err: errors.New("database is down")}
	}))
	for _, params := range []payments.CreateParams{{User: ana, PlanID: "pro"}, {User: ana, Items: []payments.Pick{{ID: "a", Quantity: 1}}}} {
		_, err = down.pay.Create(t.Context(), params)
		require.ErrorContains(t, err, "database is down")
		require.Equal(t, 500, payments.ProblemOf(err).Status)
	}
}
