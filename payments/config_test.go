package payments_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/memory"
)

func workingConfig() payments.Config {
	return payments.Config{
		Store: memory.New(), Gateways: []payments.Gateway{newFake()}, PublicURL: "https://shop.test/pay",
		Plans: payments.Plans{{ID: "pro", Price: payments.IDR(29_000)}},
		Items: payments.Items{{ID: "mug", Name: "Mug", Price: payments.IDR(85_000)}},
	}
}

// checked is a gateway whose own settings cannot work.
type checked struct{ *fakeGateway }

func (checked) Check() error { return errors.New("the server key is missing") }

func named(name string) payments.Gateway {
	g := newFake()
	g.name = name
	return g
}

func TestNewNamesTheFieldThatCannotWork(t *testing.T) {
	t.Parallel()
	price := payments.IDR(1)
	cases := map[string]func(*payments.Config){
		"Store": func(c *payments.Config) { c.Store = nil },
		"Store is a": func(c *payments.Config) {
			c.Store = struct {
				payments.Store
				notes []string
			}{Store: c.Store}
		},
		"Gateways":    func(c *payments.Config) { c.Gateways = nil },
		"Gateways[1]": func(c *payments.Config) { c.Gateways = append(c.Gateways, nil) },
		`Gateways: two have the name "fake"`: func(c *payments.Config) {
			c.Gateways = append(c.Gateways, newFake())
		},
		`Gateways[0]: the name "Fake/1"`:          func(c *payments.Config) { c.Gateways = []payments.Gateway{named("Fake/1")} },
		`Gateways[0]: the name ""`:                func(c *payments.Config) { c.Gateways = []payments.Gateway{named("")} },
		"Gateways[0] (fake): the server key":      func(c *payments.Config) { c.Gateways = []payments.Gateway{checked{newFake()}} },
		"Catalog":                                 func(c *payments.Config) { c.Catalog = catalog{} },
		"Plans[0] ()":                             func(c *payments.Config) { c.Plans = payments.Plans{{Price: price}} },
		"Plans[0] (x): the Price is negative":     func(c *payments.Config) { c.Plans = payments.Plans{{ID: "x", Price: payments.IDR(-1)}} },
		"Plans[0] (x): the Price has no currency": func(c *payments.Config) { c.Plans = payments.Plans{{ID: "x"}} },
		"Plans[0] (x): the Period is negative": func(c *payments.Config) {
			c.Plans = payments.Plans{{ID: "x", Price: price, Period: payments.Period{Days: -1}}}
		},
		"Plans[1] (x): the ID is that of another one": func(c *payments.Config) { c.Plans = payments.Plans{{ID: "x", Price: price}, {ID: "x", Price: price}} },
		"Items[0] ()":                             func(c *payments.Config) { c.Items = payments.Items{{Name: "X", Price: price}} },
		"Items[0] (x): the Name":                  func(c *payments.Config) { c.Items = payments.Items{{ID: "x", Price: price}} },
		"Items[0] (x): the Price is negative":     func(c *payments.Config) { c.Items = payments.Items{{ID: "x", Name: "X", Price: payments.IDR(-1)}} },
		"Items[0] (x): the Price has no currency": func(c *payments.Config) { c.Items = payments.Items{{ID: "x", Name: "X"}} },
		"Items[1] (x): the ID is that of another one": func(c *payments.Config) {
			c.Items = payments.Items{{ID: "x", Name: "X", Price: price}, {ID: "x", Name: "X", Price: price}}
		},
		"PublicURL":             func(c *payments.Config) { c.PublicURL = "" },
		`PublicURL: "/pay"`:     func(c *payments.Config) { c.PublicURL = "/pay" },
		`PublicURL: "ftp://x"`:  func(c *payments.Config) { c.PublicURL = "ftp://x" },
		`PublicURL: "//x/pay"`:  func(c *payments.Config) { c.PublicURL = "//x/pay" },
		"NotificationURL":       func(c *payments.Config) { c.NotificationURL = "shop.test/n" },
		"ReturnURLs[1]":         func(c *payments.Config) { c.ReturnURLs = []string{"https://shop.test", "/thanks"} },
		"ReturnURLs[0]":         func(c *payments.Config) { c.ReturnURLs = []string{"https://user@shop.test"} },
		"ExpiresIn":             func(c *payments.Config) { c.ExpiresIn = time.Second },
		"Reconcile[0]":          func(c *payments.Config) { c.Reconcile = payments.Schedule{0} },
		"Reconcile[1]":          func(c *payments.Config) { c.Reconcile = payments.Schedule{time.Hour, time.Minute} },
		"Hooks.MaxTries":        func(c *payments.Config) { c.Hooks.MaxTries = -1 },
		"Hooks.Concurrency":     func(c *payments.Config) { c.Hooks.Concurrency = -1 },
		"Hooks.Timeout":         func(c *payments.Config) { c.Hooks.Timeout = -1 },
		"Hooks.StopTimeout":     func(c *payments.Config) { c.Hooks.StopTimeout = -1 },
		"Hooks.Poll":            func(c *payments.Config) { c.Hooks.Poll = -1 },
		"Claims.PartialRefund":  func(c *payments.Config) { c.Claims.PartialRefund = "Revoke" },
		`ReturnURLs[0]: "http:`: func(c *payments.Config) { c.ReturnURLs = []string{"http:thanks"} },
	}
	for want, breakIt := range cases {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			c := workingConfig()
			breakIt(&c)
			s, err := payments.New(c)
			require.ErrorContains(t, err, "payments: Config."+want)
			require.Nil(t, s)
		})
	}
}

func TestNewNamesAllThatCannotWorkAtOnce(t *testing.T) {
	t.Parallel()
	_, err := payments.New(payments.Config{ExpiresIn: -1})
	for _, field := range []string{"Store", "Gateways", "PublicURL", "ExpiresIn"} {
		require.ErrorContains(t, err, "Config."+field)
	}
	require.NotContains(t, err.Error(), "NotificationURL", "it follows from PublicURL")
}

func TestAConfigOfThreeFieldsIsEnough(t *testing.T) {
	t.Parallel()
	_, err := payments.New(payments.Config{
		Store: memory.New(), Gateways: []payments.Gateway{newFake()}, PublicURL: "https://shop.test/pay/",
	})
	require.NoError(t, err)
}

// What an app gives away after New is its own business.
func TestURLsAreBuiltFromPublicURL(t *testing.T) {
	t.Parallel()
	for public, want := range map[string]string{
		"https://shop.test/pay":  "https://shop.test/pay/notifications/fake",
		"https://shop.test/pay/": "https://shop.test/pay/notifications/fake",
	} {
		s := newShop(t, with(func(c *payments.Config) { c.PublicURL = public }))
		var asked payments.CheckoutRequest
		s.fake.checkout = func(r payments.CheckoutRequest) (payments.CheckoutResult, error) {
			asked = r
			return payments.CheckoutResult{RedirectURL: "https://gateway.test"}, nil
		}
		w := s.do("POST", "https://evil.test/checkout", "ana", `{"plan_id":"pro"}`, "X-Forwarded-Host", "evil.test")
		require.Equal(t, 201, w.Code)
		require.Equal(t, want, asked.NotificationURL)
		require.Equal(t, "https://shop.test/pay/return/"+string(asked.Order.ID), asked.ReturnURL)
		require.Equal(t, "https://shop.test/pay/payments/"+string(asked.Order.ID), w.Header().Get("Location"))
	}
	s := newShop(t, with(func(c *payments.Config) { c.NotificationURL = "https://hooks.shop.test/in/" }))
	s.fake.checkout = func(r payments.CheckoutRequest) (payments.CheckoutResult, error) {
		require.Equal(t, "https://hooks.shop.test/in/fake", r.NotificationURL)
		return payments.CheckoutResult{RedirectURL: "https://gateway.test"}, nil
	}
	s.buy("ana", `{"plan_id":"pro"}`)
}
