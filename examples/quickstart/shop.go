package main

import (
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/lunaspay/lunas/payments"
)

// shop is the host app: its pages, and what its hooks wrote.
type shop struct {
	pay       *payments.Service
	db        *gorm.DB
	providers []provider
}

const cookieName = "shopper"

// identify stands for the app's own sign-in: every browser is a user.
func identify(r *http.Request) (payments.EndUser, error) {
	c, err := r.Cookie(cookieName)
	if err != nil || c.Value == "" || len(c.Value) > 40 {
		return payments.EndUser{}, payments.ErrUnauthenticated
	}
	return payments.EndUser{ID: c.Value}, nil
}

// simulated are the simulators' pages.
func (s *shop) simulated() (simulated []simulatorPage) {
	for _, p := range s.providers {
		if p.simulator != nil {
			simulated = append(simulated, simulatorPage{p.title, "/" + p.Name() + "/"})
		}
	}
	return simulated
}

// gateways are the companies' names: "Midtrans and Fazz".
func (s *shop) gateways() string {
	var titles []string
	for _, p := range s.providers {
		titles = append(titles, p.title)
	}
	return strings.Join(titles, " and ")
}

type simulatorPage struct{ Title, Path string }

// choosing is the gateway with a page of its own, on which payers choose how to
// pay; empty if all want to be told.
func (s *shop) choosing() string {
	for _, p := range s.providers {
		if chooser, ok := payments.As[payments.MethodChooser](p.Gateway); !ok || !chooser.NeedsMethod() {
			return p.title
		}
	}
	return ""
}

func (s *shop) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("GET /orders/{id}", s.order)
	mux.HandleFunc("POST /refund", s.refund)
	mux.Handle("GET /reports", s.pay.RequirePlan("pro")(http.HandlerFunc(s.reports)))
	return http.NewCrossOriginProtection().Handler(mux)
}

//go:embed pages/*.html
var pageFiles embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"when": func(t time.Time) string {
		return t.In(time.FixedZone("WIB", 7*60*60)).Format("2 Jan 2006, 15:04")
	},
	"once": rand.Text, // an idempotency key for each form: a double click is one payment
}).ParseFS(pageFiles, "pages/*.html"))

type homePage struct {
	User      string
	Simulated []simulatorPage
	Choosing  string
	Gateways  string
	Plans     []planCard
	MugWays   wayChoice
	Payments  []paymentRow
	Effects   []Effect
	Refresh   int // something is under way: look again after so many seconds
	Problem   string
}

type planCard struct {
	ID, Name, Price, Period, Text string
	Amount                        int64
	Ways                          wayChoice
	Entitlement                   payments.Entitlement
}

type paymentRow struct {
	payments.View
	What       string
	Refundable bool
}

func (s *shop) home(w http.ResponseWriter, r *http.Request) {
	user, err := identify(r)
	if err != nil {
		user.ID = "guest-" + rand.Text()[:8]
		http.SetCookie(w, &http.Cookie{
			Name: cookieName, Value: user.ID, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: 365 * 24 * 60 * 60,
		})
	}
	// Who comes from the checkout, and is to pay by what our own page shows,
	// goes there.
	if p, err := s.pay.GetFor(r.Context(), user, payments.ID(r.URL.Query().Get("payment_id"))); err == nil && p.View().Instructions != nil {
		http.Redirect(w, r, "/orders/"+string(p.ID), http.StatusSeeOther)
		return
	}
	page, err := s.homePage(r, user)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	page.Problem = r.URL.Query().Get("problem")
	s.render(w, "home.html", page)
}

func (s *shop) homePage(r *http.Request, user payments.EndUser) (homePage, error) {
	ctx := r.Context()
	page := homePage{User: user.ID, Simulated: s.simulated(), Choosing: s.choosing(), Gateways: s.gateways(), Plans: []planCard{
		{ID: "free", Name: "Starter", Price: "Free", Text: "Granted at once, without a gateway."},
		{ID: "pro", Name: "Pro", Price: "Rp29.000", Amount: 29_000, Period: "a month", Text: "Opens the reports page."},
		{ID: "team", Name: "Team", Price: "Rp99.000", Amount: 99_000, Period: "a month", Text: "For everybody you know."},
	}}
	for i, card := range page.Plans {
		var err error
		if page.Plans[i].Entitlement, err = s.pay.Entitled(ctx, user, card.ID); err != nil {
			return page, err
		}
		if card.Amount == 0 {
			continue
		}
		if page.Plans[i].Ways, err = s.ways(r, payments.IDR(card.Amount)); err != nil {
			return page, err
		}
	}
	var err error
	if page.MugWays, err = s.ways(r, payments.IDR(85_000)); err != nil {
		return page, err
	}
	found, err := s.pay.Page(ctx, payments.PaymentQuery{UserID: user.ID, Limit: 20})
	if err != nil {
		return page, err
	}
	for _, p := range found.Items {
		row := paymentRow{View: p.View(), What: what(p.Order), Refundable: p.Totals.Live.Amount > 0}
		page.Payments = append(page.Payments, row)
		if row.URL != "" || row.Instructions != nil {
			page.Refresh = 15 // slow enough to choose something meanwhile
		}
	}
	page.Effects, err = s.effects(ctx, user.ID)
	if len(page.Effects) > 0 && time.Since(page.Effects[0].At) < 10*time.Second {
		page.Refresh = 3 // more hooks may follow
	}
	return page, err
}

func what(o payments.Order) string {
	if o.Plan != nil {
		return o.Plan.Name()
	}
	if len(o.Lines) == 1 {
		return fmt.Sprintf("%d × %s", o.Lines[0].Quantity, o.Lines[0].Name)
	}
	return fmt.Sprintf("%d things", len(o.Lines))
}

// refund stands for the operator's button: it sends everything back.
func (s *shop) refund(w http.ResponseWriter, r *http.Request) {
	user, err := identify(r)
	if err == nil {
		var p *payments.Payment
		if p, err = s.pay.GetFor(r.Context(), user, payments.ID(r.PostFormValue("payment_id"))); err == nil {
			_, err = s.pay.Refund(payments.WithActor(r.Context(), "demo"), p.ID, payments.RefundParams{
				Reason: "asked for in the demo", Key: "demo-" + string(p.ID),
			})
		}
	}
	target := "/"
	if err != nil {
		target = "/?problem=" + template.URLQueryEscaper(refundProblem(err))
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
}

func refundProblem(err error) string {
	var refused *payments.GatewayError
	if errors.As(err, &refused) {
		return "The gateway refused the refund. Bank transfers and counter payments cannot be refunded through it: hand the money back yourself and record that with RecordRefund. (" + refused.Message + ")"
	}
	return "The refund was not possible: " + payments.ProblemOf(err).Title
}

func (s *shop) reports(w http.ResponseWriter, r *http.Request) {
	e, _ := payments.EntitlementFrom(r.Context())
	s.render(w, "reports.html", e)
}

func (s *shop) render(w http.ResponseWriter, name string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if err := pages.ExecuteTemplate(w, name, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}
