package midtranstest

import (
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"time"
)

//go:embed templates
var templateFiles embed.FS

var (
	templates = template.Must(template.ParseFS(templateFiles, "templates/*.html"))
	style     = readStyle()
)

func readStyle() template.CSS {
	css, err := templateFiles.ReadFile("templates/style.css")
	if err != nil {
		panic(err) // it is embedded
	}
	return template.CSS(css)
}

// path is that of the simulator's URL with something appended: what links
// and redirects of the pages lead to.
func (s *Server) path(rest string) string {
	u, err := url.Parse(s.URL)
	if err != nil {
		return rest
	}
	return u.Path + rest
}

func (s *Server) pagePath(token string) string { return s.path("/snap/v4/redirection/" + token) }

// showPage is the payer's page.
func (s *Server) showPage(w http.ResponseWriter, r *http.Request) {
	view, status := pageView{}, http.StatusOK
	err := s.change(func(now time.Time) error {
		p := s.state.pages[r.PathValue("token")]
		if p == nil {
			view, status = unknownPage, http.StatusNotFound
			return nil
		}
		view = s.view(p, now)
		if view.State == "choose" && r.URL.Query().Get("method") == "credit_card" && view.cards {
			view.State, view.Cards = "card", cards
		}
		if view.State == "gone" {
			status = http.StatusGone
		}
		return nil
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	view.Style = style
	render(w, status, "page.html", view)
}

func render(w http.ResponseWriter, status int, name string, data any) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'self'")
	w.WriteHeader(status)
	_ = templates.ExecuteTemplate(w, name, data) // a browser that has gone cannot be told
}

// usePage is what the payer, or the world around, does on the page. What is
// not possible any more, e.g. after a second click, changes nothing: the page
// then shows where things stand.
func (s *Server) usePage(w http.ResponseWriter, r *http.Request) {
	err := s.change(func(now time.Time) error {
		if p := s.state.pages[r.PathValue("token")]; p != nil {
			return s.use(p, r, now)
		}
		return nil
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, s.pagePath(r.PathValue("token")), http.StatusSeeOther)
}

func (s *Server) use(p *Page, r *http.Request, now time.Time) error {
	t := s.state.orders[p.OrderID].taken()
	do := r.PostFormValue("do")
	if t == nil {
		return s.useOpen(p, r, do, now)
	}
	if !t.is("pending") || r.PostFormValue("transaction") != t.ID {
		return nil
	}
	switch {
	case do == "pay" && t.Card == "", do == "otp" && r.PostFormValue("otp") == "112233":
		return s.pay(t, now)
	case do == "decline", do == "otp":
		s.move(t, "deny", t.Fraud, now)
	case do == "expire":
		s.move(t, "expire", t.Fraud, now)
	}
	return nil
}

// useOpen is an action on a page without a transaction.
func (s *Server) useOpen(p *Page, r *http.Request, do string, now time.Time) error {
	if !p.open(now) || p.Charged { // a charge has chosen, once and for all
		return nil
	}
	switch do {
	case "choose":
		c, err := p.parsed.choose(r.PostFormValue("method"))
		if err != nil {
			return err
		}
		if c.name != "credit_card" { // its form has an action of its own
			_, err = s.start(p, c, "", now)
		}
		return err
	case "card":
		c, err := p.parsed.choose("credit_card")
		if err != nil {
			return err
		}
		t, err := s.start(p, c, r.PostFormValue("card"), now)
		if err != nil || p.parsed.CreditCard.Secure && t.asks() { // the bank asks first
			return err
		}
		return s.charge(t, now)
	case "expire":
		p.ExpiresAt = now
	}
	return nil
}
