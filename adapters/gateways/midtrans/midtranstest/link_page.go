package midtranstest

import (
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// linkView is what the page of a payment link shows.
type linkView struct {
	Style                  template.CSS
	Self, Title, Total     string
	Lines                  []lineView
	Dynamic                bool
	Least, Most, Suggested int64
	Range                  string
	Asks                   []field // name and label of what the payer enters
	Notice                 string
}

var askLabels = map[string]string{"first_name": "Your name", "email": "E-mail", "phone": "Phone"}

func (s *Server) viewLink(l *link) linkView {
	r := l.parsed
	v := linkView{Style: style, Self: s.path("/payment-links/" + l.ID), Title: r.Title, Dynamic: r.dynamic()}
	if v.Title == "" {
		v.Title = "Pay " + l.OrderID
	}
	if v.Dynamic {
		v.Least, v.Most, v.Suggested = r.Dynamic.Min, r.Dynamic.Max, r.suggested()
		v.Range = rupiah(v.Least) + " to " + rupiah(v.Most)
	} else {
		v.Total = rupiah(r.suggested())
	}
	for _, i := range r.snap.Items {
		v.Lines = append(v.Lines, lineView{i.Name, i.Quantity, rupiah(i.Price * i.Quantity)})
	}
	for _, name := range r.asks() {
		v.Asks = append(v.Asks, field{name, askLabels[name]})
	}
	return v
}

// linkPage is GET and POST /payment-links/{id}. What the payer enters is
// checked; of it, only the amount is kept.
func (s *Server) linkPage(w http.ResponseWriter, r *http.Request) {
	var view linkView
	var over *pageView // shown instead
	status, next := http.StatusOK, ""
	err := s.change(func(now time.Time) error {
		l := s.linkByID(r.PathValue("id"))
		if l == nil {
			gone := unknownPage
			over, status = &gone, http.StatusNotFound
			return nil
		}
		if why := l.closed("", now); why != "" {
			over, status = &pageView{}, http.StatusGone
			over.gone("This link is "+why, "Nothing was paid. Ask whoever sent you the link.", "!")
			return nil
		}
		view = s.viewLink(l)
		if r.Method != http.MethodPost {
			return nil
		}
		amount, notice := l.parsed.entered(r)
		if notice != "" {
			view.Notice, status = notice, http.StatusUnprocessableEntity
			return nil
		}
		p, err := s.try(l, amount, now)
		if err == nil {
			next = s.pagePath(p.Token)
		}
		return err
	})
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	case over != nil:
		over.Style = style
		render(w, status, "page.html", over)
	case next != "":
		http.Redirect(w, r, next, http.StatusSeeOther)
	default:
		render(w, status, "link.html", view)
	}
}

// entered is the amount that a payer is to pay, or what is wrong with the form.
func (r *linkRequest) entered(form *http.Request) (amount int64, notice string) {
	amount = r.suggested()
	if r.dynamic() {
		n, err := strconv.ParseInt(strings.TrimSpace(form.PostFormValue("amount")), 10, 64)
		if err != nil {
			return 0, "Enter the amount in whole rupiah."
		}
		if err := r.accepts(n); err != nil {
			return 0, "Sorry: " + err.Error() + "."
		}
		amount = n
	}
	for _, name := range r.asks() {
		if strings.TrimSpace(form.PostFormValue(name)) == "" {
			return 0, askLabels[name] + " is missing."
		}
	}
	return amount, ""
}
