package midtranstest

import (
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"
)

// The ways to the page on which a payer agrees, as the ends of their paths.
const (
	wayWeb = "link"
	wayApp = "deeplink"
)

// LinkAccount has the payer agree to the link of that account_id.
func (s *Server) LinkAccount(id string) error { return s.answerLink(id, true) }

// DeclineAccount has the payer refuse it. Nobody is told.
func (s *Server) DeclineAccount(id string) error { return s.answerLink(id, false) }

// UnlinkAccount has the payer end the link, in the app.
func (s *Server) UnlinkAccount(id string) error {
	return s.onAccount(id, []string{accountEnabled}, func(a *account, now time.Time) {
		s.moveAccount(a, accountDisabled, now)
	})
}

// ChangeTokens gives new tokens to what an account can be charged by. The old
// ones are void, as at Midtrans some day.
func (s *Server) ChangeTokens(id string) error {
	return s.onAccount(id, []string{accountEnabled}, func(a *account, _ time.Time) {
		for _, p := range a.Purses {
			p.Token = purseToken()
		}
	})
}

// SetBalance sets the money that each purse of an account holds. Charges do
// not lessen it: what a charge does depends on nothing that was charged
// before.
func (s *Server) SetBalance(id string, rupiah int64) error {
	return s.onAccount(id, []string{accountEnabled}, func(a *account, _ time.Time) {
		for _, p := range a.Purses {
			p.Balance = max(rupiah, 0)
		}
	})
}

// onAccount does something with an account that has one of the statuses.
func (s *Server) onAccount(id string, statuses []string, do func(a *account, now time.Time)) error {
	return s.change(func(now time.Time) error {
		a := s.state.accounts[id]
		if a == nil {
			return fmt.Errorf("midtranstest: no account %q", id)
		}
		if status := a.now(now); !slices.Contains(statuses, status) {
			return fmt.Errorf("midtranstest: cannot do that: the account %q is %s", id, status)
		}
		do(a, now)
		return nil
	})
}

func (s *Server) answerLink(id string, agrees bool) error {
	return s.onAccount(id, []string{accountPending}, func(a *account, now time.Time) { s.decideLink(a, agrees, now) })
}

// decideLink is what the payer has decided.
func (s *Server) decideLink(a *account, agrees bool, now time.Time) {
	if !agrees {
		a.Status = accountDisabled
		return
	}
	balance := int64(1_000_000)
	if a.Phone == poorPhone {
		balance = 0
	}
	a.Purses = []*purse{{"GOPAY_WALLET", purseToken(), balance}, {"PAY_LATER", purseToken(), balance}}
	s.moveAccount(a, accountEnabled, now)
}

func purseToken() string {
	id := uuid.New()
	return base64.StdEncoding.EncodeToString(append(id[:], "gopay"...))
}

// accountView is what the page for agreeing shows.
type accountView struct {
	Style              template.CSS
	Title, Self, Phone string
}

// accountPage is GET and POST /v2/pay/account/{id}/link and /deeplink.
func (s *Server) accountPage(way string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var ask *accountView
		over, status := unknownPage, http.StatusNotFound
		err := s.change(func(now time.Time) error {
			a := s.state.accounts[r.PathValue("id")]
			if a == nil {
				return nil
			}
			over, status = pageView{}, http.StatusGone
			if r.Method == http.MethodPost && a.now(now) == accountPending {
				s.decideLink(a, r.PostFormValue("do") == "agree", now)
				status = http.StatusOK
			} else if a.now(now) == accountPending && !slices.Contains(a.Opened, way) {
				a.Opened = append(a.Opened, way)
				ask, status = &accountView{
					Style: style, Title: "Link GoPay", Self: s.path("/v2/pay/account/" + a.ID + "/" + way), Phone: "+" + a.Phone,
				}, http.StatusOK
			}
			over.showAccount(a, now)
			return nil
		})
		switch {
		case err != nil:
			http.Error(w, err.Error(), http.StatusInternalServerError)
		case ask != nil:
			render(w, status, "account.html", ask)
		default:
			over.Style = style
			render(w, status, "page.html", over)
		}
	}
}

// showAccount tells how it ended, or that the page was open before.
func (v *pageView) showAccount(a *account, now time.Time) {
	switch a.now(now) {
	case accountEnabled:
		v.gone("GoPay is linked", "The shop can charge +"+a.Phone+" from now on.", "✓")
		v.Tone = "good"
	case accountDisabled:
		v.gone("GoPay is not linked", "The shop cannot charge +"+a.Phone+".", "×")
	case accountExpired:
		v.gone("Time is up", "Nothing was linked. Go back to the shop to try again.", "!")
	default:
		v.gone("This link was opened before", "It opens once. Go back to the shop to try again.", "!")
	}
	v.BackURL = a.ReturnURL
}
