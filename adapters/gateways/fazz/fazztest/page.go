package fazztest

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

func readStyle() []byte {
	css, err := templateFiles.ReadFile("templates/style.css")
	if err != nil {
		panic(err) // it is embedded
	}
	return css
}

func showStyle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(style) // a browser that has gone cannot be told
}

// path is that of the simulator's URL with something appended: what links and
// redirects of the pages lead to.
func (s *Server) path(rest string) string {
	u, err := url.Parse(s.URL)
	if err != nil {
		return rest
	}
	return u.Path + rest
}

func (s *Server) pagePath(id string) string { return s.path("/pay/" + url.PathEscape(id)) }

// showPage is the payer's page.
func (s *Server) showPage(w http.ResponseWriter, r *http.Request) {
	view, status := unknownPage, http.StatusNotFound
	err := s.change(func(time.Time) error {
		if p := s.state.byID[r.PathValue("id")]; p != nil {
			view, status = s.view(p), http.StatusOK
			if p.is(expired, cancelled, failed) {
				status = http.StatusGone
			}
		}
		return nil
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	view.StylePath = s.path("/style.css")
	render(w, status, "page.html", view)
}

func render(w http.ResponseWriter, status int, name string, data any) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	// No form-action: a form that pays leads on to the shop.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'self'")
	w.WriteHeader(status)
	_ = templates.ExecuteTemplate(w, name, data) // a browser that has gone cannot be told
}

// usePage is what the payer, or the world around, does on the page. What is
// not possible any more, e.g. after a second click, changes nothing: the page
// then shows where things stand.
func (s *Server) usePage(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	to := s.pagePath(id)
	err := s.change(func(now time.Time) error {
		p := s.state.byID[id]
		if p == nil || !p.is(pending, processing) {
			return nil
		}
		switch do := r.PostFormValue("do"); {
		case do == "pay":
			s.move(p, paid, now)
			if p.Type == typeWallet {
				to = p.ReturnURL
			}
		case do == "decline" && p.Type == typeWallet:
			p.Reason = "declined by the payer"
			s.move(p, failed, now)
		case do == "expire" && p.is(pending):
			s.move(p, expired, now)
		}
		return nil
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}
