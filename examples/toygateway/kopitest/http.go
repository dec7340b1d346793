package kopitest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
)

// handler is Kopipay's API. Each route is wrapped under the name by which the
// suite orders its faults.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	route := func(pattern, op string, h func(*http.Request) (*charge, error)) {
		mux.HandleFunc(pattern, s.Faults.Wrap(op, s.clock, fail, s.answer(h)))
	}
	route("POST /v1/charges", "checkout", s.create)
	route("GET /v1/charges/{reference}", "status", s.find)
	route("POST /v1/charges/{reference}/withdraw", "cancel", s.moveTo("withdrawn"))
	route("POST /v1/charges/{reference}/lapse", "expire", s.moveTo("lapsed"))
	route("POST /v1/charges/{reference}/returns", "refund", s.createReturn)
	return mux
}

// answer checks the key, runs h, and prints what it returns.
func (s *Server) answer(h func(*http.Request) (*charge, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if given := r.Header.Get("Authorization"); given != "Bearer "+APIKey {
			refuse(w, problem{http.StatusUnauthorized, "key", "no account has " + given}) // some providers do repeat it
			return
		}
		s.lapse()
		s.mu.Lock()
		defer s.mu.Unlock()
		c, err := h(r)
		if p := (problem{}); errors.As(err, &p) {
			refuse(w, p)
			return
		}
		print(w, http.StatusOK, c)
	}
}

// fail answers the faults that have a form of Kopipay's own.
func fail(w http.ResponseWriter, kind simkit.Kind) {
	refuse(w, map[simkit.Kind]problem{
		simkit.Down:      {http.StatusServiceUnavailable, "down", "we are closed"},
		simkit.Throttled: {http.StatusTooManyRequests, "too_often", "not so fast"},
		simkit.Refused:   {http.StatusUnprocessableEntity, "not_allowed", "the account may not do this"},
	}[kind])
}

func refuse(w http.ResponseWriter, p problem) {
	print(w, p.status, map[string]string{"problem": p.word, "detail": p.detail})
}

func print(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // whoever asked may have gone
}

// read decodes a body strictly: a name that Kopipay does not know is a mistake
// of the gateway's.
func read(r *http.Request, v any) error {
	dec := json.NewDecoder(io.LimitReader(r.Body, 1<<16))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return problem{http.StatusBadRequest, "body", err.Error()}
	}
	return nil
}

// create makes a charge, or finds the one that the reference has already.
func (s *Server) create(r *http.Request) (*charge, error) {
	var asked struct {
		Reference string `json:"reference"`
		Sen       int64  `json:"amount_sen"`
		Channel   string `json:"channel"`
		Note      string `json:"note"`
		Callback  string `json:"callback_url"`
		EndsAt    int64  `json:"ends_at"`
	}
	if err := read(r, &asked); err != nil {
		return nil, err
	}
	if c := s.charges[asked.Reference]; c != nil {
		return c, nil
	}
	now := s.clock.Now()
	life, known := map[string]time.Duration{"qr": 15 * time.Minute, "account_bca": 24 * time.Hour}[asked.Channel]
	ends := cmp.Or(asked.EndsAt, now.Add(life).Unix())
	if asked.Reference == "" || asked.Sen < 100 || asked.Sen%100 != 0 || !known || ends <= now.Unix() {
		return nil, problem{http.StatusUnprocessableEntity, "fields", "reference, amount_sen, channel or ends_at is not good"}
	}
	n := len(s.charges) + 1
	c := &charge{
		ID: fmt.Sprintf("kp_%06d", n), Reference: asked.Reference, Channel: asked.Channel, State: "waiting", Sen: asked.Sen,
		MadeAt: now.Unix(), EndsAt: ends, ViewToken: fmt.Sprintf("view_%06d", n), Returns: []giveOut{},
		callback: cmp.Or(asked.Callback, dashboardURL),
	}
	if c.Channel == "qr" {
		c.QR = "KOPI.QRIS." + c.ID
	} else {
		c.Account = fmt.Sprintf("8808%010d", n)
	}
	s.charges[c.Reference] = c
	s.turn(c, "waiting")
	return c, nil
}

func (s *Server) find(r *http.Request) (*charge, error) {
	if c := s.charges[r.PathValue("reference")]; c != nil {
		return c, nil
	}
	return nil, problem{http.StatusNotFound, "no_such_charge", "the account has no such charge"}
}

func (s *Server) moveTo(state string) func(*http.Request) (*charge, error) {
	return func(r *http.Request) (*charge, error) {
		c, err := s.find(r)
		if err == nil {
			err = s.move(c, state)
		}
		return c, err
	}
}

func (s *Server) createReturn(r *http.Request) (*charge, error) {
	var asked struct {
		Key string `json:"key"`
		Sen int64  `json:"amount_sen"`
		Why string `json:"why"`
	}
	if err := read(r, &asked); err != nil {
		return nil, err
	}
	c, err := s.find(r)
	switch {
	case err != nil:
		return nil, err
	case c.Channel != "qr": // a person can, from the dashboard
		return nil, problem{http.StatusUnprocessableEntity, "channel", "a transfer has no way back"}
	case asked.Key == "":
		return nil, problem{http.StatusUnprocessableEntity, "fields", "key is required"}
	}
	return c, s.giveBack(c, asked.Key, asked.Sen)
}
